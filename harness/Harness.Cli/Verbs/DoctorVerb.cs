using System.CommandLine;
using System.Text.Json;
using Harness.Cli.Diagnosis;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>doctor</c>: what is installed and what is missing, one line each.</summary>
internal static class DoctorVerb
{
    public static Command Create(VerbContext context)
    {
        var zig = Options.Zig();
        var results = Options.Results();
        var json = Options.Json();
        var command = new Command("doctor", "Say what is installed and what is missing; exit 3 when something needed is") { zig, results, json };
        command.SetAction(async (result, ct) =>
        {
            var root = Repository.Root();
            var layout = Options.Layout(root, result.GetValue(results));
            var findings = await new Doctor(root, layout, token => context.Rooms.DiagnoseZigAsync(root, result.GetValue(zig), token)).ExamineAsync(ct).ConfigureAwait(false);
            context.Terminal.Out.Write(result.GetValue(json) ? JsonSerializer.Serialize(findings, CaseText.JsonOptions) + "\n" : Render(findings));
            return findings.Any(finding => finding is { Needed: true, Ok: false }) ? ExitCodes.Environment : ExitCodes.Held;
        });
        return command;
    }

    private static string Render(IReadOnlyList<Diagnosis.Diagnosis> findings)
    {
        var width = findings.Max(finding => finding.Name.Length);
        return Printable.Lines(string.Concat(findings.Select(finding =>
            $"{(finding.Ok ? "ok      " : finding.Needed ? "MISSING " : "absent  ")}{finding.Name.PadRight(width)}  {finding.Detail}\n")));
    }
}
