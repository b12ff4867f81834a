using System.Globalization;
using System.Text.Json;

namespace Harness.Reports.Gates;

/// <summary>What a verb's JSON means for the gate. Pure; a document that lacks something is a phase that failed.</summary>
public static class GateReading
{
    private const string Replay = "scripts/harness replay ";

    private static readonly (string Name, string Words)[] _counts =
    [
        ("programs", "programs"), ("executions", "executions"), ("splitsForced", "splits forced"), ("faultsInjected", "faults injected"), ("probes", "probes"), ("framesChecked", "frames checked"),
    ];

    /// <summary>Of <c>run</c> or <c>exhaust</c>.</summary>
    public static GatePhaseResult Campaign(string phase, string json, double seconds) => Of(phase, json, seconds, root =>
    {
        var items = new List<GateItem>();
        var thin = new List<string>();
        foreach (var finding in root.GetProperty("findings").EnumerateArray())
        {
            if (finding.GetProperty("flake").GetBoolean())
            {
                thin.Add($"a failure did not come back: {Text(finding, "signature")}");
            }
            else
            {
                items.Add(new GateItem(Text(finding, "signature"), GateItemKind.Failure, $"expected {Text(finding, "expected")}, observed {Text(finding, "observed")}", Replay + Text(finding, "replayToken")));
            }
        }

        foreach (var stored in root.GetProperty("regressions").EnumerateArray().Where(stored => !stored.GetProperty("holds").GetBoolean()))
        {
            if (stored.GetProperty("conclusive").GetBoolean())
            {
                items.Add(new GateItem($"stored case {Text(stored, "name")}", GateItemKind.Failure, Text(stored, "detail"), $"{Replay}results/regressions/{Text(stored, "name")}"));
            }
            else
            {
                thin.Add($"the stored case {Text(stored, "name")} could not be judged: {Text(stored, "detail")}");
            }
        }

        var code = root.GetProperty("exitCode").GetInt32();
        thin.AddRange(code == ExitCodes.Inconclusive ? root.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetString() ?? "") : []);
        var failed = code == ExitCodes.Environment;
        return new GatePhaseResult(
            phase, failed ? GateStatus.Failed : GateStatus.Finished, seconds, failed ? Text(root, "endingDetail") : "", items,
            [.. _counts.Select(count => new GateFigure(count.Words, Number(root.GetProperty(count.Name).GetInt64()))), new GateFigure("stored cases that hold", Holding(root))], thin);
    });

    private static string Holding(JsonElement root)
    {
        var stored = root.GetProperty("regressions").EnumerateArray().ToList();
        return string.Create(CultureInfo.InvariantCulture, $"{stored.Count(one => one.GetProperty("holds").GetBoolean())} of {stored.Count}");
    }

    /// <summary>Of <c>step</c>.</summary>
    public static GatePhaseResult Stepping(string phase, string json, double seconds) => Of(phase, json, seconds, root =>
    {
        var items = new List<GateItem>();
        var (thin, steps, complete, cells) = (new List<string>(), 0L, 0, 0);
        foreach (var cell in root.EnumerateArray())
        {
            cells++;
            if (cell.TryGetProperty("reason", out var reason))
            {
                thin.Add($"{Text(cell, "cell")} was not stepped: {reason.GetString()?.Split('\n')[0]}");
                continue;
            }

            steps += cell.GetProperty("steps").GetInt64();
            complete += cell.GetProperty("complete").GetBoolean() ? 1 : 0;
            items.AddRange(cell.GetProperty("findings").EnumerateArray().Select(finding => new GateItem(
                $"{Text(finding, "fault")} at {Text(finding, "place")} in {Text(cell, "cell")}", GateItemKind.Failure, $"{Text(finding, "instruction")}: expected {Text(finding, "expected")}, observed {Text(finding, "observed")}", "scripts/harness step")));
            items.AddRange(cell.GetProperty("complaints").EnumerateArray().Select(complaint => new GateItem(
                $"complaint in {Text(cell, "cell")}", GateItemKind.Failure, complaint.GetString() ?? "", "scripts/harness step")));
        }

        return new GatePhaseResult(phase, GateStatus.Finished, seconds, "", items, [new GateFigure("instructions", Number(steps)), new GateFigure("cells stepped to the end", $"{complete} of {cells}")], thin);
    });

    /// <summary>Of <c>mutants</c>.</summary>
    /// <param name="budget">In seconds. When it was used up, a defect that was not killed may just not have been tried enough: that is thin evidence, and no survivor.</param>
    public static GatePhaseResult Mutation(string phase, string json, double seconds, double budget) => Of(phase, json, seconds, root =>
    {
        var mutants = root.GetProperty("mutants").EnumerateArray().Select(mutant => (Name: Text(mutant, "name"), Status: Text(mutant, "status"), Detail: Text(mutant, "what"), Cell: Text(mutant, "cell"))).ToList();
        var cut = root.GetProperty("seconds").GetDouble() >= budget;
        var items = mutants.Where(mutant => mutant.Status is "equivalentKilled" || (mutant.Status is "survived" && !cut)).Select(mutant => new GateItem(
            $"planted defect {mutant.Name} {(mutant.Status == "survived" ? "survives" : "is not equivalent")}", GateItemKind.Failure, $"{mutant.Detail} ({mutant.Cell})", $"scripts/harness mutants --only {mutant.Name}"));
        var unjudged = mutants.Count(mutant => mutant.Status is "timeout" or "notReached" or "notBuilt" || (mutant.Status is "survived" && cut));
        List<string> thin = unjudged == 0 ? [] : [string.Create(CultureInfo.InvariantCulture, $"{unjudged} of {mutants.Count} planted defects were not judged{(cut ? " before the time was up" : "")}")];
        var killed = mutants.Count(mutant => mutant.Status == "killed");
        return new GatePhaseResult(phase, GateStatus.Finished, seconds, "", [.. items], [new GateFigure("killed", string.Create(CultureInfo.InvariantCulture, $"{killed} of {mutants.Count(mutant => mutant.Status != "equivalent")}"))], thin);
    });

    /// <summary>Of <c>bench runtime</c>: a figure of a busy machine falsifies nothing.</summary>
    public static GatePhaseResult Runtime(string phase, string json, double seconds) => Of(phase, json, seconds, root => new GatePhaseResult(
        phase, GateStatus.Finished, seconds, "", [],
        [.. root.GetProperty("bars").EnumerateArray().Select(bar => new GateFigure(Text(bar, "name"), $"{Text(bar, "measured")} ({Text(bar, "required")}: {Text(bar, "verdict")})"))], []));

    private static GatePhaseResult Of(string phase, string json, double seconds, Func<JsonElement, GatePhaseResult> read)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 128 });
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return new GatePhaseResult(phase, GateStatus.Failed, seconds, json.Length == 0 ? "nothing came of it" : $"its result cannot be read: {e.Message}", [], [], []);
        }
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? "";

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
