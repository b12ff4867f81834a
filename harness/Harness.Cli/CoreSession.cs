using System.Text.Json;
using Harness.Binary.Cores;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Reports;
using Harness.Verification.Cores;

namespace Harness.Cli;

/// <summary><c>replay --core</c>: a case is run until its worker dies, or a core is looked at that one has left.</summary>
/// <param name="Tools">Ask gdb and eu-stack as well.</param>
internal sealed record CoreSession(VerbContext Context, string? Zig, bool Tools, bool Json)
{
    /// <summary>Beside a core that is kept: what was run, to compare with.</summary>
    private const string CaseName = "case.json";

    /// <summary>Whether a word names a core, or what can only be meant for one; otherwise it is the case.</summary>
    public static bool IsCore(string word) => File.Exists(word) && CoreFile.IsElf(word);

    /// <summary>Runs the case, and keeps core, worker and case together.</summary>
    public async Task<int> RunAsync(StoredCase stored, Death death, PlantedDefect? defect, CancellationToken ct)
    {
        var document = stored.Document;
        var cores = await OpenAsync(document.Case.Plan.Placement, defect, ct).ConfigureAwait(false);
        Context.Terminal.Error.WriteLine($"running in {document.Case.Cell} until the worker dies");
        var keep = Path.Combine(Repository.Root(), ".cache", "cores", CaseStore.FolderName(document.Signature.Length > 0 ? document.Signature : "case"));
        var outcome = await OneCase.WithScratchAsync(scratch => cores.RunAsync(document.Case, death, scratch, keep, ct)).ConfigureAwait(false);
        switch (outcome)
        {
            case CoreOutcome.NotRun n:
                return Inconclusive(n.Reason);
            case CoreOutcome.Survived s:
                return Inconclusive($"the worker did not die ({CoreText.How(s.Outcome)}); replay the case without --core, or choose a death with --die");
        }

        var died = (CoreOutcome.Died)outcome;
        await File.WriteAllTextAsync(Path.Combine(keep, CaseName), document.WriteIndented(), ct).ConfigureAwait(false);
        var holds = await PrintAsync(died.Report, died.CorePath, Path.Combine(keep, CoreReplay.WorkerName), cores, ct).ConfigureAwait(false);
        // A worker that dies by itself is a failure, however whole its chains are.
        return holds && death is not Death.None ? ExitCodes.Held : ExitCodes.Falsified;
    }

    /// <summary>A core that is there already, with its worker beside it, and its case, if that is there too.</summary>
    /// <exception cref="UsageException">It lacks its worker.</exception>
    /// <exception cref="InvalidDataException">It is no core, or cut off, or another worker's.</exception>
    public async Task<int> ShowAsync(string path, CancellationToken ct)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var worker = WorkerBeside(path, folder);
        var @case = Path.Combine(folder, CaseName) is var beside && File.Exists(beside) ? CaseArgument.Read(beside).Stored.Document.Case : null;
        var report = CoreExamination.Run(path, worker, @case is null ? null : death => CoreExpectation.Of(@case, death));
        var cores = Tools ? await OpenAsync(@case?.Plan.Placement ?? Placement.Descending, null, ct).ConfigureAwait(false) : null;
        return await PrintAsync(report, path, worker, cores, ct).ConfigureAwait(false) ? ExitCodes.Held : ExitCodes.Falsified;
    }

    private static string WorkerBeside(string path, string folder)
    {
        using var core = CoreFile.Open(path);
        var names = core.Mappings.Select(m => Path.GetFileName(m.Path)).Distinct().ToList();
        return names.Select(name => Path.Combine(folder, name)).FirstOrDefault(file => File.Exists(file) && CoreFile.IsElf(file))
            ?? throw new UsageException($"{path}: the worker that left it is not beside it; put it there under its name ({names.FirstOrDefault() ?? "worker"})");
    }

    private Task<ICores> OpenAsync(Placement placement, PlantedDefect? defect, CancellationToken ct) =>
        Context.Rooms.OpenCoresAsync(new RoomOptions(Repository.Root(), Zig, [placement], Environment.ProcessorCount, defect), ct);

    private int Inconclusive(string reason)
    {
        Context.Terminal.Out.WriteLine($"INCONCLUSIVE: {reason}");
        return ExitCodes.Inconclusive;
    }

    /// <returns>Whether everything is as it should be.</returns>
    private async Task<bool> PrintAsync(CoreReport report, string path, string worker, ICores? cores, CancellationToken ct)
    {
        IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)> opinions = Tools && cores is not null
            ? await OneCase.WithScratchAsync(scratch => cores.AskToolsAsync(path, worker, scratch, ct)).ConfigureAwait(false)
            : [];
        Context.Terminal.Out.Write(Json ? JsonSerializer.Serialize(CoreText.Fields(report, path, opinions), CaseText.JsonOptions) + "\n" : CoreText.Of(report, path, opinions));
        return report.Holds && opinions.All(o => o.Comparison is not { Findings.Count: > 0 });
    }
}
