using System.CommandLine;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>shrink CASE</c>: looks for a smaller case that fails the same way.</summary>
internal static class ShrinkVerb
{
    public static Command Create(VerbContext context)
    {
        var @case = Options.Case();
        var zig = Options.Zig();
        var budget = new Option<string>("--budget") { Description = "How long to look (default: 5m)", HelpName = "TIME", DefaultValueFactory = _ => "5m" };
        var defect = Options.Defect();
        var runtime = Options.Runtime();
        var explain = new Option<string>("--explain") { Description = "How long to look afterwards what may vary freely and still fail (default: 30s; 0s: not at all)", HelpName = "TIME", DefaultValueFactory = _ => "30s" };
        var output = new Option<string?>("--output") { Description = "Where to store the smaller case (default: in place of CASE; needed for a token)", HelpName = "DIR" };
        var command = new Command("shrink", "Look for a smaller case that fails the same way; each step is stored") { @case, budget, explain, output, zig, defect, runtime };
        command.SetAction((result, ct) =>
        {
            var argument = CaseArgument.Read(result.GetRequiredValue(@case));
            var folder = result.GetValue(output) ?? argument.Folder
                ?? throw new UsageException("a token has no folder to store the smaller case in; give --output DIR");
            var times = (Budget.Parse(result.GetRequiredValue(budget)), result.GetRequiredValue(explain) is "0" or "0s" ? TimeSpan.Zero : Budget.Parse(result.GetRequiredValue(explain)));
            return RunAsync(context, argument.Stored, folder, times, (result.GetValue(zig), result.GetValue(runtime)), Options.Defect(result.GetValue(defect)), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        VerbContext context, StoredCase stored, string folder, (TimeSpan Shrinking, TimeSpan Explaining) budget, (string? Zig, string? Runtime) tools, PlantedDefect? defect, CancellationToken ct)
    {
        var rooms = await OneCase.OpenAsync(context, tools.Zig, defect, stored.Document, ct, tools.Runtime).ConfigureAwait(false);
        return await OneCase.WithScratchAsync(async scratch =>
        {
            var runner = rooms.Parts.Runner;
            var recording = await runner.RecordAsync(stored.Document.Case, scratch, ct).ConfigureAwait(false);
            if (recording.Holds && await InCompanyAsync(context, runner, stored.Document, budget.Shrinking, scratch, ct).ConfigureAwait(false) is { } social)
            {
                stored = stored with { Document = stored.Document with { Case = social } };
                recording = await runner.RecordAsync(social, scratch, ct).ConfigureAwait(false);
            }

            if (recording.Holds || !recording.Conclusive)
            {
                context.Terminal.Complain(recording.Holds ? "the case holds; there is no failure to keep while shrinking" : $"the case cannot be judged: {recording.Observed}");
                return recording.Holds ? ExitCodes.Held : ExitCodes.Inconclusive;
            }

            var document = stored.Document with { Signature = recording.Signature, Check = recording.Check };
            var smallest = await ShrinkAsync(context, rooms, document, recording, folder, scratch, budget.Shrinking, ct).ConfigureAwait(false);
            smallest = await ExplainAsync(context, rooms, smallest, folder, scratch, budget.Explaining, ct).ConfigureAwait(false);
            context.Terminal.Out.WriteLine($"{Size(stored.Document.Case)} shrunk to {Size(smallest.Document.Case)}");
            context.Terminal.Out.WriteLine($"case    {Repository.Shown(folder)}");
            context.Terminal.Out.WriteLine($"replay  scripts/harness replay {smallest.Token}");
            return ExitCodes.Falsified;
        }).ConfigureAwait(false);
    }

    /// <summary>Of a case that holds alone: with those programs of its batch without which it does not fail; null: there is no batch, or none of them matter.</summary>
    private static async Task<Case?> InCompanyAsync(VerbContext context, ICaseRunner runner, CaseDocument document, TimeSpan budget, string scratch, CancellationToken ct)
    {
        if (document is not { Signature.Length: > 0, Case.Company.Count: 0 } || BatchReplay.ProgramsOf(document, context.Rooms.Programs) is not { } programs)
        {
            return null;
        }

        context.Terminal.Error.WriteLine($"the case holds alone; looking for the programs of its batch ({programs.Count}) that it needs");
        var found = await runner.FindCompanyAsync(document.Case.Among(programs), document.Signature, budget, scratch, ct).ConfigureAwait(false);
        if (found is not null)
        {
            context.Terminal.Error.WriteLine($"it fails in the company of {ConsoleReport.Count(found.Company.Count, "other program")}");
        }

        return found;
    }

    private static async Task<StoredCase> ShrinkAsync(
        VerbContext context, Rooms rooms, CaseDocument document, Recording recording, string folder, string scratch, TimeSpan budget, CancellationToken ct)
    {
        Store(rooms, document, recording, folder);
        var shrinking = new CaseShrinking(rooms.Parts.Runner, budget, (smaller, _) =>
        {
            Store(rooms, document with { Case = smaller }, recording, folder);
            context.Terminal.Error.WriteLine($"smaller: {Size(smaller)}");
        });
        var again = await rooms.Parts.Runner.ConfirmAsync(document.Case, recording.Signature, scratch, ct).ConfigureAwait(false);
        var shrunk = await shrinking.RunAsync(document.Case, recording, again.Others, scratch, ct).ConfigureAwait(false);
        if (shrunk.CapHit)
        {
            context.Terminal.Error.WriteLine("the time is up; the smallest case so far stands");
        }

        return Store(rooms, document with { Case = shrunk.Case }, shrunk.Recording, folder);
    }

    /// <summary>Stores with the case what it depends on, and shows it.</summary>
    private static async Task<StoredCase> ExplainAsync(
        VerbContext context, Rooms rooms, StoredCase stored, string folder, string scratch, TimeSpan cap, CancellationToken ct)
    {
        if (cap == TimeSpan.Zero || await rooms.Parts.Runner.ExplainAsync(stored.Document.Case, stored.Document.Signature, cap, scratch, ct).ConfigureAwait(false) is not { } explanation)
        {
            return stored;
        }

        context.Terminal.Out.Write(CaseText.Explained(explanation));
        var explained = stored with { Explanation = explanation };
        CaseStore.Write(folder, explained);
        return explained;
    }

    private static StoredCase Store(Rooms rooms, CaseDocument document, Recording recording, string folder)
    {
        var stored = new StoredCase(
            document, ReplayToken.Write(document), rooms.Parts.Runner.Emit(document.Case), recording.Expected, recording.Observed, "") { Picture = recording.Picture };
        CaseStore.Write(folder, stored);
        return stored;
    }

    private static string Size(Case @case) =>
        $"{@case.Program.Functions.Count} functions, {@case.Program.Fibers.Count} fibers{(@case.Company.Count > 0 ? $", in the company of {ConsoleReport.Count(@case.Company.Count, "other program")}" : "")}";
}
