using System.Globalization;

namespace Harness.Campaigns;

/// <summary>Where everything under a results folder lies; the one place that knows.</summary>
public sealed record ResultsLayout(string Root)
{
    public string Runs => Path.Combine(Root, "runs");

    /// <summary>Stored cases: those of our runtime, or of <see cref="Runtime"/>.</summary>
    public string Regressions => Runtime is null ? Path.Combine(Root, "regressions") : Path.Combine(Root, "runtimes", Runtime);

    /// <summary>The runtime that takes the place of ours; null: ours. What fails with another one is nothing that a run of ours has to replay.</summary>
    public string? Runtime { get; init; }

    /// <summary>Programs that met what none before them had.</summary>
    public string Corpus => Path.Combine(Root, "corpus");

    /// <summary>Results of <c>mutants</c>.</summary>
    public string Mutants => Path.Combine(Root, "mutants");

    /// <summary>Results of <c>gate</c>.</summary>
    public string Gates => Path.Combine(Root, "gates");

    /// <summary>Results of <c>bench runtime</c>.</summary>
    public string Bench => Path.Combine(Root, "bench");

    public RunDirectory Run(string id) => new(Path.Combine(Runs, id));

    /// <summary>
    /// Creates the folder of a new run. Its name tells when and with which seed; when two runs start in the same second,
    /// the one that loses the race to create it takes the next suffix.
    /// </summary>
    /// <exception cref="ResultsUnwritableException"/>
    public RunDirectory CreateRun(DateTimeOffset now, ulong seed)
    {
        var stem = string.Create(CultureInfo.InvariantCulture, $"{now.UtcDateTime:yyyyMMdd-HHmmss}-{seed}");
        try
        {
            Directory.CreateDirectory(Runs);
            for (var suffix = 1; ; suffix++)
            {
                var run = Run(suffix == 1 ? stem : $"{stem}-{suffix}");
                if (run.TryClaim())
                {
                    return run;
                }
            }
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(Root, e);
        }
    }
}

/// <summary>The folder of one run.</summary>
public sealed record RunDirectory(string Path)
{
    public string Id => System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(Path));

    /// <summary>The results folder that it lies in; null for one that was moved elsewhere.</summary>
    public ResultsLayout? Results =>
        Directory.GetParent(System.IO.Path.TrimEndingDirectorySeparator(Path)) is { Name: "runs", Parent: { } root } ? new ResultsLayout(root.FullName) : null;

    public string Journal => System.IO.Path.Combine(Path, "journal.jsonl");

    public string Summary => System.IO.Path.Combine(Path, "summary.json");

    public string Report => System.IO.Path.Combine(Path, "report.html");

    public string JUnit => System.IO.Path.Combine(Path, "junit.xml");

    public string Sarif => System.IO.Path.Combine(Path, "results.sarif");

    public string Markdown => System.IO.Path.Combine(Path, "summary.md");

    public string Cases => System.IO.Path.Combine(Path, "cases");

    /// <summary>Build products; removed when the run ends.</summary>
    public string Scratch => System.IO.Path.Combine(Path, "scratch");

    /// <summary>Held while a process works on the run; a second one gets null. The file goes when the holder does.</summary>
    public IDisposable? TryLock()
    {
        try
        {
            return new FileStream(
                System.IO.Path.Combine(Path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException) when (Directory.Exists(Path))
        {
            return null;
        }
    }

    /// <summary>Claims the name for this process: only one can create the journal.</summary>
    internal bool TryClaim()
    {
        Directory.CreateDirectory(Path);
        try
        {
            new FileStream(Journal, FileMode.CreateNew, FileAccess.Write).Dispose();
            return true;
        }
        catch (IOException) when (File.Exists(Journal))
        {
            return false;
        }
    }
}
