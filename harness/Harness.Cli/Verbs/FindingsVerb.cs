using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Harness.Campaigns.Findings;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>findings</c>: every finding of all runs, once: first seen, last seen, fixed.</summary>
internal static class FindingsVerb
{
    public static Command Create(VerbContext context)
    {
        var states = Options.Words("--state", "Only those that are open, fixed, flake or stored", "STATE");
        var (results, json) = (Options.Results(), Options.Json());
        var command = new Command("findings", "List every finding of all runs once: first seen, last seen, whether it is fixed; ends with 1 while any is open") { states, results, json };
        command.SetAction(result =>
        {
            var wanted = Options.Parse<FindingState>("--state", result.GetValue(states));
            var index = FindingIndex.Read(Options.Layout(Repository.Root(), result.GetValue(results)));
            foreach (var unread in index.Unread)
            {
                context.Terminal.Complain($"{unread.RunId} is left out: {unread.Reason}");
            }

            var shown = index.Findings.Where(finding => wanted.Count == 0 || wanted.Contains(finding.State)).ToList();
            context.Terminal.Out.Write(result.GetValue(json) ? Json(index, shown) : Text(index, shown));
            return index.Findings.Any(finding => finding.State is FindingState.Open) ? ExitCodes.Falsified : ExitCodes.Held;
        });
        return command;
    }

    private static string Text(FindingIndex index, IReadOnlyList<FindingHistory> shown)
    {
        var text = new StringBuilder();
        var states = Enum.GetValues<FindingState>().Select(state => $"{index.Findings.Count(finding => finding.State == state)} {Word(state)}");
        text.Append($"{ConsoleReport.Count(index.Findings.Count, "finding")} in {ConsoleReport.Count(index.Runs, "run")}: {string.Join(", ", states)}\n");
        foreach (var finding in shown)
        {
            text.Append($"\n{Word(finding.State),-7} {finding.Signature}\n");
            text.Append(finding.First is null ? "        in no run here\n"
                : $"        first seen {At(finding.First)}, last seen {At(finding.Last!)}, in {ConsoleReport.Count(finding.Runs, "run")}, {ConsoleReport.Count(finding.Occurrences, "time")}; again {finding.Again}\n");
            text.Append(finding.FixedSince is { } since ? $"        its stored case holds since {At(since)}\n" : "");
            text.Append(finding.CasePath.Length > 0 ? $"        scripts/harness show {Shell.Quote("results/" + finding.CasePath)}\n" : "");
        }

        return Printable.Lines(text.ToString());
    }

    private static string At(Sighting sighting) => string.Create(CultureInfo.InvariantCulture, $"{sighting.At.UtcDateTime:yyyy-MM-dd HH:mm} ({sighting.RunId})");

    private static string Word(FindingState state) => state.ToString().ToLowerInvariant();

    private static string Json(FindingIndex index, IReadOnlyList<FindingHistory> shown) => JsonSerializer.Serialize(new
    {
        runs = index.Runs,
        unread = index.Unread.Select(unread => new { run = unread.RunId, reason = unread.Reason }),
        findings = shown.Select(finding => new
        {
            signature = finding.Signature, family = finding.Family, check = finding.Check, cell = finding.Cell, state = Word(finding.State),
            firstSeen = finding.First?.At, firstRun = finding.First?.RunId, lastSeen = finding.Last?.At, lastRun = finding.Last?.RunId,
            fixedSince = finding.FixedSince?.At, runs = finding.Runs, occurrences = finding.Occurrences, reproduced = finding.Reproduced,
            attempts = finding.Attempts, unsteady = finding.IsUnsteady, casePath = finding.CasePath, replayToken = finding.Token,
        }),
    }, CaseText.JsonOptions) + "\n";
}
