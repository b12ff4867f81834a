using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Harness.Reports.Forms;

/// <summary>results.sarif, for what shows findings of tools (OASIS SARIF 2.1.0): one result for each distinct failure, one for each failing stored case.</summary>
public static class SarifReport
{
    private const string Schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

    private static readonly JsonSerializerOptions _options = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Render(RunSummary summary)
    {
        var stored = summary.Regressions.Where(replay => replay is { Holds: false, Conclusive: true }).ToList();
        var checks = summary.Findings.Select(finding => finding.Check).Concat(stored.Select(replay => replay.Check))
            .Distinct().Order(StringComparer.Ordinal).ToList();
        var run = new JsonObject
        {
            ["tool"] = new JsonObject
            {
                ["driver"] = new JsonObject
                {
                    ["name"] = "fault-isolation harness",
                    ["semanticVersion"] = summary.HarnessVersion,
                    ["rules"] = new JsonArray([.. checks.Select(Rule)]),
                },
            },
            ["automationDetails"] = new JsonObject { ["id"] = $"harness/{summary.RunId}" },
            ["invocations"] = new JsonArray(new JsonObject
            {
                ["commandLine"] = summary.Command,
                ["executionSuccessful"] = summary.Ending is "completed",
                ["exitCode"] = summary.ExitCode,
                ["startTimeUtc"] = summary.StartedAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
            }),
            ["results"] = new JsonArray([
                .. summary.Findings.Select(finding => Result(
                    checks, finding.Check, finding.Flake ? "warning" : "error", Told(finding), finding.CasePath, finding.Signature, finding.ReplayToken, finding.Occurrences)),
                .. stored.Select(replay => Result(
                    checks, replay.Check, "error", $"The stored case {replay.Name} fails in {replay.Cell}: {replay.Detail}", replay.CasePath, replay.Name, replay.ReplayToken, 1)),
            ]),
        };
        return new JsonObject { ["$schema"] = Schema, ["version"] = "2.1.0", ["runs"] = new JsonArray(run) }.ToJsonString(_options) + "\n";
    }

    private static string Told(FindingSummary finding) =>
        $"{finding.Check} in {finding.Cell}, {finding.Again}{finding.Shrunk}. Expected: {FirstLine(finding.Expected)}; observed: {FirstLine(finding.Observed)}";

    private static JsonObject Rule(string check) => new()
    {
        ["id"] = check,
        ["shortDescription"] = new JsonObject { ["text"] = $"The check {check}" },
        ["fullDescription"] = new JsonObject { ["text"] = $"An execution under forced splits or an injected fault that the check {check} does not accept (harness/docs/PROTOCOL.md)." },
    };

    private static JsonObject Result(
        List<string> checks, string check, string level, string message, string casePath, string fingerprint, string token, long occurrences) => new()
    {
        ["ruleId"] = check,
        ["ruleIndex"] = checks.IndexOf(check),
        ["level"] = level,
        ["message"] = new JsonObject { ["text"] = message },
        ["locations"] = new JsonArray(new JsonObject
        {
            ["physicalLocation"] = new JsonObject
            {
                ["artifactLocation"] = new JsonObject { ["uri"] = casePath.Length > 0 ? Uri.EscapeDataString(casePath).Replace("%2F", "/", StringComparison.Ordinal) + "/unit.zig" : "README.md" },
            },
        }),
        ["partialFingerprints"] = new JsonObject { ["signature/v1"] = fingerprint },
        ["occurrenceCount"] = Math.Max(1, occurrences),
        ["properties"] = new JsonObject { ["replay"] = $"scripts/harness replay {token}" },
    };

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();
}
