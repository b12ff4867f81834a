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
        var output = new Option<string?>("--output") { Description = "Where to store the smaller case (default: in place of CASE; needed for a token)", HelpName = "DIR" };
        var command = new Command("shrink", "Look for a smaller case that fails the same way; each step is stored") { @case, budget, output, zig, defect };
        command.SetAction((result, ct) =>
        {
            var argument = CaseArgument.Read(result.GetRequiredValue(@case));
            var folder = result.GetValue(output) ?? argument.Folder
                ?? throw new UsageException("a token has no folder to store the smaller case in; give --output DIR");
            return RunAsync(context, argument.Stored, folder, Budget.Parse(result.GetRequiredValue(budget)), result.GetValue(zig), Options.Defect(result.GetValue(defect)), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        VerbContext context, StoredCase stored, string folder, TimeSpan budget, string? zig, PlantedDefect? defect, CancellationToken ct)
    {
        var rooms = await OneCase.OpenAsync(context, zig, defect, stored.Document, ct).ConfigureAwait(false);
        return await OneCase.WithScratchAsync(async scratch =>
        {
            var recording = await rooms.Parts.Runner.RecordAsync(stored.Document.Case, scratch, ct).ConfigureAwait(false);
            if (recording.Holds || !recording.Conclusive)
            {
                context.Terminal.Complain(recording.Holds ? "the case holds; there is no failure to keep while shrinking" : $"the case cannot be judged: {recording.Observed}");
                return recording.Holds ? ExitCodes.Held : ExitCodes.Inconclusive;
            }

            var document = stored.Document with { Signature = recording.Signature, Check = recording.Check };
            var smallest = await ShrinkAsync(context, rooms, document, recording, folder, scratch, budget, ct).ConfigureAwait(false);
            context.Terminal.Out.WriteLine($"{Size(stored.Document.Case)} shrunk to {Size(smallest.Document.Case)}");
            context.Terminal.Out.WriteLine($"case    {Repository.Shown(folder)}");
            context.Terminal.Out.WriteLine($"replay  scripts/harness replay {smallest.Token}");
            return ExitCodes.Falsified;
        }).ConfigureAwait(false);
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
        var shrunk = await shrinking.RunAsync(document.Case, recording, scratch, ct).ConfigureAwait(false);
        if (shrunk.CapHit)
        {
            context.Terminal.Error.WriteLine("the time is up; the smallest case so far stands");
        }

        return Store(rooms, document with { Case = shrunk.Case }, shrunk.Recording, folder);
    }

    private static StoredCase Store(Rooms rooms, CaseDocument document, Recording recording, string folder)
    {
        var stored = new StoredCase(
            document, ReplayToken.Write(document), rooms.Parts.Runner.Emit(document.Case.Program), recording.Expected, recording.Observed, "") { Picture = recording.Picture };
        CaseStore.Write(folder, stored);
        return stored;
    }

    private static string Size(Case @case) => $"{@case.Program.Functions.Count} functions, {@case.Program.Fibers.Count} fibers";
}
