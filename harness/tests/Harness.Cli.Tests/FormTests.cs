using System.Text.Json.Nodes;
using System.Xml.Linq;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Reports.Forms;

namespace Harness.Cli.Tests;

/// <summary>The forms of a summary that other programs read.</summary>
public sealed class FormTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task JUnit_has_a_case_for_each_cell_and_a_failure_where_one_failed()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "60", "--seed", "1");
        var root = XDocument.Load(_cli.OnlyRun().JUnit).Root!;
        var cells = root.Elements("testsuite").Single(suite => (string?)suite.Attribute("name") == "cells");
        Assert.Equal(CellMatrix.Default.Count, cells.Elements("testcase").Count());
        var failed = Assert.Single(cells.Elements("testcase"), test => test.Element("failure") is not null);
        Assert.Equal(Sample.Cell.ToString(), (string?)failed.Attribute("name"));
        Assert.Contains("scripts/harness replay fz1.", failed.Element("failure")!.Value);
        foreach (var suite in root.Elements("testsuite"))
        {
            Assert.Equal(suite.Elements("testcase").Count(), (int?)suite.Attribute("tests"));
            Assert.Equal(suite.Descendants("failure").Count(), (int?)suite.Attribute("failures"));
            Assert.Equal(suite.Descendants("skipped").Count(), (int?)suite.Attribute("skipped"));
        }

        Assert.Equal(root.Descendants("testcase").Count(), (int?)root.Attribute("tests"));
        Assert.Contains(root.Descendants("testcase"), test => (string?)test.Attribute("name") == "fault/panic" && test.Element("failure") is null);
    }

    [Fact]
    public async Task Sarif_has_what_the_standard_requires_and_one_result_for_each_failure()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var log = JsonNode.Parse(File.ReadAllText(_cli.OnlyRun().Sarif))!;
        Assert.Equal("2.1.0", log["version"]!.GetValue<string>());
        var run = Assert.Single(log["runs"]!.AsArray())!;
        var rules = run["tool"]!["driver"]!["rules"]!.AsArray();
        Assert.NotEmpty(run["tool"]!["driver"]!["name"]!.GetValue<string>());
        var result = Assert.Single(run["results"]!.AsArray())!;
        Assert.Equal(result["ruleId"]!.GetValue<string>(), rules[result["ruleIndex"]!.GetValue<int>()]!["id"]!.GetValue<string>());
        Assert.Equal("error", result["level"]!.GetValue<string>());
        Assert.NotEmpty(result["message"]!["text"]!.GetValue<string>());
        var place = result["locations"]![0]!["physicalLocation"]!["artifactLocation"]!["uri"]!.GetValue<string>();
        Assert.True(File.Exists(_cli.PathOf("results/" + place)), place);
        Assert.Equal("digest/errdefer", result["partialFingerprints"]!["signature/v1"]!.GetValue<string>());
        Assert.Equal(1, run["invocations"]![0]!["exitCode"]!.GetValue<int>());
    }

    [Fact]
    public async Task Markdown_has_verdict_cells_and_the_line_that_replays()
    {
        _cli.Rooms.Checker.FailIn(Sample.Cell);
        await _cli.CampaignAsync("--programs", "3", "--seed", "1");
        var text = File.ReadAllText(_cli.OnlyRun().Markdown);
        Assert.StartsWith("## FALSIFIED: 1 distinct failure", text);
        Assert.Contains($"| {Sample.Cell.ToString().Replace("_", "\\_", StringComparison.Ordinal)} | 3 |", text);
        Assert.Contains("\n```\nscripts/harness replay fz1.", text);
    }

    /// <summary>What a program or a compiler says may hold anything.</summary>
    [Fact]
    public void No_text_breaks_out_of_its_form()
    {
        const string hostile = "a\u0001\uD800 ]]> <b> & \" | ``` \r\n # x\u0000";
        var finding = new FindingSummary(
            hostile, hostile, Sample.Cell.ToString(), hostile, 1, 1, 1, false, false, hostile, "runs/x/cases/a b", 1, 1, 0, 0, hostile, hostile, null);
        var tally = Tally.Of(
        [
            new JournalRecord.RunStarted(1, hostile, DateTimeOffset.UnixEpoch, new RunSettings(1, null, 1, null, [Sample.Cell.ToString()], [], 1, hostile), Sample.Versions),
        ]);
        var summary = RunSummary.Of(tally) with { Findings = [finding], Reasons = [hostile] };
        var xml = XDocument.Parse(JUnitReport.Render(summary));
        Assert.Single(xml.Descendants("failure"), failure => failure.Value.Contains("]]> <b> & \" | ```", StringComparison.Ordinal));
        var sarif = JsonNode.Parse(SarifReport.Render(summary))!;
        Assert.Equal("runs/x/cases/a%20b/unit.zig", sarif["runs"]![0]!["results"]![0]!["locations"]![0]!["physicalLocation"]!["artifactLocation"]!["uri"]!.GetValue<string>());
        var fenced = false;
        foreach (var line in MarkdownReport.Render(summary).Split('\n'))
        {
            // Longer than the three that the text has.
            fenced ^= line == "````";
            Assert.False(!fenced && (line.Contains("<b>") || line.StartsWith(" # x", StringComparison.Ordinal)), line);
        }

        Assert.False(fenced);
    }
}
