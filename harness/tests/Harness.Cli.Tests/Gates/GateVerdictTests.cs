using Harness.Reports;
using Harness.Reports.Gates;

namespace Harness.Cli.Tests.Gates;

/// <summary>What a gate says of what its phases found; nothing is run.</summary>
public sealed class GateVerdictTests
{
    private static readonly GateItem _lost = new("unwind row at f", GateItemKind.Failure, "expected a, observed b", "scripts/harness replay fz1.x");
    private static readonly GateItem _moved = new("r9 is no longer preserved", GateItemKind.Change, "another convention");

    private static GatePhaseResult Part(string phase, GateStatus status = GateStatus.Finished, params GateItem[] items) => new(phase, status, 1, status is GateStatus.Finished ? "" : "cut", items, [], []);

    /// <summary>Every phase finished and found nothing, but for those given.</summary>
    private static GateResult Gate(string version, params GatePhaseResult[] parts) => new(
        GateResult.CurrentSchema, version, "1.0.0+test", DateTimeOffset.UnixEpoch, 60,
        [.. GatePhase.All.Select(phase => parts.FirstOrDefault(part => part.Phase == phase.Name) ?? Part(phase.Name))]);

    [Fact]
    public void Phases_share_the_whole_budget_and_have_names_of_their_own()
    {
        Assert.Equal(1, GatePhase.All.Sum(phase => phase.Share), 9);
        Assert.Equal(GatePhase.All.Length, GatePhase.All.Select(phase => phase.Name).Distinct().Count());
    }

    [Fact]
    public void A_gate_without_findings_holds()
    {
        var verdict = GateVerdict.Of(Gate("0.16.0"), Gate("0.16.0"));
        Assert.Equal((ExitCodes.Held, 0, 0, "HELD"), (verdict.ExitCode, verdict.Rows.Length, verdict.Reasons.Length, verdict.Word));
    }

    [Theory]
    // This gate's phase, the baseline's: null has not the item.
    [InlineData(GateStatus.Finished, true, GateStatus.Finished, false, GateRowState.New, ExitCodes.Falsified)]
    [InlineData(GateStatus.Finished, true, GateStatus.Finished, true, GateRowState.Same, ExitCodes.Falsified)]
    [InlineData(GateStatus.Finished, false, GateStatus.Finished, true, GateRowState.Fixed, ExitCodes.Held)]
    [InlineData(GateStatus.Finished, false, GateStatus.Unfinished, true, GateRowState.Fixed, ExitCodes.Held)]
    [InlineData(GateStatus.Finished, true, GateStatus.Unfinished, false, GateRowState.First, ExitCodes.Falsified)]
    [InlineData(GateStatus.Unfinished, false, GateStatus.Finished, true, GateRowState.NotJudged, ExitCodes.Inconclusive)]
    [InlineData(GateStatus.Unfinished, true, GateStatus.Finished, false, GateRowState.New, ExitCodes.Falsified)]
    [InlineData(GateStatus.Failed, false, GateStatus.Finished, true, GateRowState.NotJudged, ExitCodes.Environment)]
    public void A_failure_is_seen_from_the_baseline(GateStatus now, bool here, GateStatus before, bool there, GateRowState state, int code)
    {
        var gate = Gate("0.17.0", Part("campaign", now, here ? [_lost] : []));
        var verdict = GateVerdict.Of(gate, Gate("0.16.0", Part("campaign", before, there ? [_lost] : [])));
        var row = Assert.Single(verdict.Rows);
        Assert.Equal((state, "campaign", _lost), (row.State, row.Phase, row.Item));
        Assert.Equal(code, verdict.ExitCode);
    }

    [Fact]
    public void Without_a_baseline_or_without_its_phase_a_failure_is_the_first_seen()
    {
        var gate = Gate("0.17.0", Part("stepping", GateStatus.Finished, _lost));
        var older = Gate("0.16.0");
        Assert.Equal(GateRowState.First, Assert.Single(GateVerdict.Of(gate, null).Rows).State);
        Assert.Equal(GateRowState.First, Assert.Single(GateVerdict.Of(gate, older with { Phases = [.. older.Phases.Where(part => part.Phase != "stepping")] }).Rows).State);
    }

    [Fact]
    public void A_change_alone_is_to_be_looked_at()
    {
        var verdict = GateVerdict.Of(Gate("0.17.0", Part("conventions", GateStatus.Finished, _moved)), Gate("0.16.0"));
        Assert.Equal((ExitCodes.Inconclusive, "TO LOOK AT"), (verdict.ExitCode, verdict.Word));
        Assert.Equal(["1 change"], verdict.Reasons.ToArray());
    }

    [Fact]
    public void What_was_not_run_or_is_thin_is_said()
    {
        var gate = Gate("0.16.0", Part("campaign") with { Thin = ["no split was forced"] });
        var verdict = GateVerdict.Of(gate with { Phases = [.. gate.Phases.Where(part => part.Phase != "mutation")] }, Gate("0.16.0", Part("mutation", GateStatus.Finished, _lost)));
        Assert.Empty(verdict.Rows);
        Assert.Equal(ExitCodes.Inconclusive, verdict.ExitCode);
        Assert.Equal(["campaign: no split was forced", "mutation was not run"], verdict.Reasons.ToArray());
    }

    [Fact]
    public void A_failure_goes_before_a_phase_that_could_not_be_done()
    {
        var verdict = GateVerdict.Of(Gate("0.16.0", Part("campaign", GateStatus.Finished, _lost), Part("library", GateStatus.Failed)), null);
        Assert.Equal(ExitCodes.Falsified, verdict.ExitCode);
        Assert.Contains("library could not be done: cut", verdict.Reasons);
    }

    [Fact]
    public void A_file_has_all_of_a_gate_and_the_text_names_what_was_found()
    {
        var gate = Gate("0.17.0", Part("campaign", GateStatus.Finished, _lost) with { Figures = [new GateFigure("programs", "12")] });
        var read = GateResult.Read(gate.ToJson());
        Assert.Equal(gate.ToJson(), read.ToJson());
        var baseline = Gate("0.16.0", Part("campaign") with { Figures = [new GateFigure("programs", "11")] });
        var text = GateText.Render(read, baseline, GateVerdict.Of(read, baseline));
        Assert.Contains("# Gate of Zig 0.17.0: FALSIFIED", text, StringComparison.Ordinal);
        Assert.Contains("| new | campaign failure | unwind row at f: expected a, observed b | `scripts/harness replay fz1.x` |", text, StringComparison.Ordinal);
        Assert.Contains("| campaign: programs | 12 | 11 |", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"schema": 7, "zig": "1", "harness": "", "startedAt": "2020-01-01T00:00:00Z", "budgetSeconds": 1, "phases": []}""")]
    [InlineData("""{"schema": 1, "zig": null, "harness": "", "startedAt": "2020-01-01T00:00:00Z", "budgetSeconds": 1, "phases": []}""")]
    public void A_file_that_is_none_is_refused(string json) => Assert.Throws<InvalidDataException>(() => GateResult.Read(json));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"findings\": 3}")]
    [InlineData("{\"findings\": [{\"flake\": \"no\"}]}")]
    public void A_verbs_result_that_cannot_be_read_is_a_phase_that_failed(string json)
    {
        Assert.Equal(GateStatus.Failed, GateReading.Campaign("campaign", json, 1).Status);
        Assert.Equal(GateStatus.Failed, GateReading.Mutation("mutation", json, 1, 60).Status);
        Assert.Equal(GateStatus.Failed, GateReading.Runtime("runtime", json, 1).Status);
    }

    [Theory]
    [InlineData(20, "planted defect b survives", "1 of 4 planted defects were not judged")]
    // The time was up: nobody knows whether b would have been found.
    [InlineData(61, null, "2 of 4 planted defects were not judged before the time was up")]
    public void A_survivor_is_a_failure_where_the_time_sufficed(double seconds, string? failure, string thin)
    {
        var json = """
            {"seconds": SECONDS, "mutants": [
              {"name": "a", "status": "killed", "what": "", "cell": "c"}, {"name": "b", "status": "survived", "what": "forgets b", "cell": "c"},
              {"name": "d", "status": "notReached", "what": "", "cell": "c"}, {"name": "e", "status": "equivalent", "what": "", "cell": "c"}]}
            """.Replace("SECONDS", $"{seconds}", StringComparison.Ordinal);
        var part = GateReading.Mutation("mutation", json, 1, 60);
        Assert.Equal(failure is null ? [] : [failure], part.Items.Select(item => item.Signature));
        Assert.Equal([thin], part.Thin);
        Assert.Equal("1 of 3", Assert.Single(part.Figures).Value);
    }

    [Fact]
    public void A_steps_finding_is_a_failure_by_fault_place_and_cell()
    {
        const string json = """
            [{"cell": "c1", "steps": 10, "complete": true, "findings": [{"fault": "WrongCfa", "place": "f+1", "instruction": "ret", "expected": "x", "observed": "y"}], "complaints": []},
             {"cell": "c2", "reason": "it does not build\nmore"}]
            """;
        var part = GateReading.Stepping("stepping", json, 1);
        Assert.Equal("WrongCfa at f+1 in c1", Assert.Single(part.Items).Signature);
        Assert.Equal(["c2 was not stepped: it does not build"], part.Thin);
    }
}
