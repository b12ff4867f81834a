using System.CommandLine;
using System.Text.Json;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Reports;
using Harness.Reports.Pictures;

namespace Harness.Cli.Verbs;

/// <summary><c>replay TOKEN|CASE</c>: runs one case again and shows expected against observed.</summary>
internal static class ReplayVerb
{
    public static Command Create(VerbContext context)
    {
        var @case = new Argument<string?>("CASE") { Description = "A case folder, its case.json, or a replay token", Arity = ArgumentArity.ZeroOrOne };
        var zig = Options.Zig();
        var json = Options.Json();
        var defect = Options.Defect();
        var runtime = Options.Runtime();
        var batch = new Option<bool>("--batch") { Description = "Run the whole batch in which the case was found, for a failure that needs its company" };
        var gdb = new Option<bool>("--gdb") { Description = "Keep the worker, and print the gdb command that stops it where the fault strikes" };
        var core = new Option<string?>("--core")
        {
            Description = "Run until the worker dies and show its core: threads, fibers, whole chains; with FILE: a core that is there", HelpName = "FILE", Arity = ArgumentArity.ZeroOrOne,
        };
        var die = new Option<string?>("--die") { Description = "With --core: end the whole worker where the case's fault strikes", HelpName = "HOW" };
        var tools = new Option<bool>("--tools") { Description = "With --core: ask gdb and eu-stack too, where they are installed" };
        var command = new Command("replay", "Run one case again; exit 1 if it still fails, 0 if it holds") { @case, batch, zig, defect, runtime, gdb, core, die, tools, json };
        command.SetAction((result, ct) =>
        {
            var words = new[] { result.GetValue(@case), result.GetValue(core) }.Where(word => word is not null).ToList();
            if (words.Count != 1)
            {
                throw new UsageException(words.Count == 0
                    ? "which case? For example: scripts/harness replay results/regressions/FOLDER"
                    : $"--core {words[1]}: with a case, say --core alone");
            }

            var planted = Options.Defect(result.GetValue(defect));
            var deaths = Options.Parse<Death>("--die", result.GetValue(die) is { } how ? [how] : []);
            if (result.GetResult(core) is { Implicit: false })
            {
                var session = new CoreSession(context, result.GetValue(zig), result.GetValue(tools), result.GetValue(json));
                return result.GetValue(batch) || result.GetValue(gdb)
                    ? throw new UsageException("--core runs one case in one worker; give it without --batch and --gdb")
                    : CoreSession.IsCore(words[0]!)
                        ? session.ShowAsync(words[0]!, ct)
                        : session.RunAsync(CaseArgument.ReadOurs(words[0]!, "--core").Stored, deaths.FirstOrDefault(), planted, ct);
            }

            if (deaths.Count > 0 || result.GetValue(tools))
            {
                throw new UsageException("--die and --tools are about the core that a worker leaves; give --core with them");
            }

            var stored = CaseArgument.Read(words[0]!).Stored;
            return result.GetValue(batch)
                ? BatchReplay.RunAsync(context, stored.Document, result.GetValue(zig), ct, result.GetValue(runtime))
                : RunAsync(context, stored, (result.GetValue(zig), result.GetValue(runtime)), planted, result.GetValue(json), result.GetValue(gdb), ct);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        VerbContext context, StoredCase stored, (string? Zig, string? Runtime) tools, PlantedDefect? defect, bool json, bool gdb, CancellationToken ct)
    {
        var document = stored.Document;
        var debugger = gdb ? GdbSession.Create(Repository.Root(), document) : null;
        var rooms = await OneCase.OpenAsync(context, tools.Zig, defect, document, ct, tools.Runtime).ConfigureAwait(false);
        context.Terminal.Error.WriteLine($"replaying in {document.Case.Cell} with Zig {rooms.Versions.Zig}");
        Task<Recording> RecordAsync(string directory) => rooms.Parts.Runner.RecordAsync(document.Case, directory, ct);
        var recording = await (debugger is null ? OneCase.WithScratchAsync(RecordAsync) : RecordAsync(debugger.Folder)).ConfigureAwait(false);
        context.Terminal.Out.Write(json ? Json(document, recording, rooms) : Text(context.Terminal, document, recording));
        if (debugger is not null)
        {
            context.Terminal.Out.WriteLine(debugger.Command());
        }

        return recording switch
        {
            { Conclusive: false } => ExitCodes.Inconclusive,
            { Holds: true } => ExitCodes.Held,
            _ => ExitCodes.Falsified,
        };
    }

    private static string Text(Terminal terminal, CaseDocument document, Recording recording) =>
        $"{CaseText.Header(document)}\n{SideBySide.Render(recording.Expected, recording.Observed, terminal.Width)}\n{Drawn(terminal, recording)}{Outcome(document, recording)}\n";

    private static string Drawn(Terminal terminal, Recording recording) =>
        recording.Picture is { } picture ? PictureText.Render(picture, terminal.Style) + "\n" : "";

    private static string Outcome(CaseDocument document, Recording recording) => recording switch
    {
        { Conclusive: false } => $"INCONCLUSIVE: {recording.Observed}",
        { Holds: true } => "HELD: the case does what the model says" +
            (document is { Signature.Length: > 0, Batch: not null } ? "; if it failed in the company of its batch, try --batch" : ""),
        _ when document.Signature.Length == 0 || recording.Signature == document.Signature => $"FALSIFIED: the case fails, {recording.Signature} (check {recording.Check})",
        _ => $"FALSIFIED: the case fails in another way than when it was stored: {recording.Signature} (check {recording.Check})",
    };

    private static string Json(CaseDocument document, Recording recording, Rooms rooms) => JsonSerializer.Serialize(
        new
        {
            verdict = !recording.Conclusive ? "inconclusive" : recording.Holds ? "held" : "falsified",
            signature = recording.Signature, check = recording.Check, storedSignature = document.Signature,
            cell = document.Case.Cell.ToString(), zigVersion = rooms.Versions.Zig,
            expected = recording.Expected, observed = recording.Observed,
        },
        CaseText.JsonOptions) + "\n";
}
