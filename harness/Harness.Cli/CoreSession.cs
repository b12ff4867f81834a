using System.Text.Json;
using Harness.Binary.Cores;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Reports;
using Harness.Verification.Cores;

namespace Harness.Cli;

/// <summary><c>replay --core</c>: a case is run until its worker dies, or a core is looked at that one has left.</summary>
internal static class CoreSession
{
    /// <summary>Beside a core that is kept: what was run, to compare with.</summary>
    private const string CaseName = "case.json";

    /// <summary>Runs the case, and keeps core, worker and case together.</summary>
    public static async Task<int> RunAsync(
        VerbContext context, StoredCase stored, Death death, string? zig, PlantedDefect? defect, bool json, CancellationToken ct)
    {
        var document = stored.Document;
        var root = Repository.Root();
        var cores = await context.Rooms.OpenCoresAsync(
            new RoomOptions(root, zig, [document.Case.Plan.Placement], Environment.ProcessorCount, defect), ct).ConfigureAwait(false);
        context.Terminal.Error.WriteLine($"running in {document.Case.Cell} until the worker dies");
        var keep = Path.Combine(root, ".cache", "cores", CaseStore.FolderName(document.Signature.Length > 0 ? document.Signature : "case"));
        var outcome = await OneCase.WithScratchAsync(scratch => cores.RunAsync(document.Case, death, scratch, keep, ct)).ConfigureAwait(false);
        if (outcome is not CoreOutcome.Died died)
        {
            context.Terminal.Out.WriteLine(outcome switch
            {
                CoreOutcome.NotRun n => $"INCONCLUSIVE: {n.Reason}",
                CoreOutcome.Survived s => $"INCONCLUSIVE: the worker did not die ({CoreText.How(s.Outcome)}); replay the case without --core, or choose a death with --die",
                _ => throw new System.Diagnostics.UnreachableException(),
            });
            return ExitCodes.Inconclusive;
        }

        await File.WriteAllTextAsync(Path.Combine(keep, CaseName), document.WriteIndented(), ct).ConfigureAwait(false);
        Print(context.Terminal, died.Report, died.CorePath, json);
        // A worker that dies by itself is a failure, however whole its chains are.
        return died.Report.Holds && death is not Death.None ? ExitCodes.Held : ExitCodes.Falsified;
    }

    /// <summary>A core that is there already, with its worker beside it, and its case, if that is there too.</summary>
    /// <exception cref="UsageException">There is none, or it lacks its worker.</exception>
    public static int Show(VerbContext context, string path, bool json)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var @case = Path.Combine(folder, CaseName) is var beside && File.Exists(beside) ? CaseArgument.Read(beside).Stored.Document.Case : null;
        var report = CoreExamination.Run(path, WorkerBeside(path, folder), @case is null ? null : death => CoreExpectation.Of(@case, death));
        Print(context.Terminal, report, path, json);
        return report.Holds ? ExitCodes.Held : ExitCodes.Falsified;
    }

    /// <summary>Whether a word names a core, or what can only be meant for one; otherwise it is the case.</summary>
    public static bool IsCore(string word) => File.Exists(word) && CoreFile.IsElf(word);

    private static string WorkerBeside(string path, string folder)
    {
        using var core = CoreFile.Open(path);
        var names = core.Mappings.Select(m => Path.GetFileName(m.Path)).Distinct().ToList();
        return names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new UsageException($"{path}: the worker that left it is not beside it; put it there under its name ({names.FirstOrDefault() ?? "worker"})");
    }

    private static void Print(Terminal terminal, CoreReport report, string path, bool json) =>
        terminal.Out.Write(json ? JsonSerializer.Serialize(CoreText.Fields(report, path), CaseText.JsonOptions) + "\n" : CoreText.Of(report, path));
}
