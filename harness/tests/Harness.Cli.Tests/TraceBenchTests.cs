using System.Text.Json;
using Harness.Reports;
using Harness.Verification;

namespace Harness.Cli.Tests;

/// <summary><c>bench traces</c> over figures that a test chooses, and once over real ones.</summary>
public sealed class TraceBenchTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    private Task<int> BenchAsync(params string[] args) => _cli.RunAsync(["bench", "traces", .. args]);

    /// <summary>One figure is made worse.</summary>
    private void Worse(Func<TraceCost, TraceCost> change)
    {
        var before = _cli.Rooms.TraceCosts.Of;
        _cli.Rooms.TraceCosts.Of = cell => change(before(cell));
    }

    [Fact]
    public async Task Bars_are_printed_with_what_was_measured_and_the_rate_of_sampling()
    {
        Assert.Equal(ExitCodes.Held, await BenchAsync("--require"));
        Assert.Matches(@"static check of a worker +less than 1 s +0\.25 s of one processor, 200,000 instructions +met", _cli.Out);
        Assert.Matches(@"single steps, fully checked +at least 15,000 per second +15,000 per second, 40,000 of them +met", _cli.Out);
        Assert.Matches(@"full chains at probes +less than the run they check +0\.75 times the run, taken by 80 of 1,000 executions \(8\.0 %\), 500 frames +met", _cli.Out);
        Assert.Contains("not sampled: 8.00 times the run, taken by 900 of 900 executions (100.0 %), 6,000 frames", _cli.Out);
        await BenchAsync("--json");
        using var json = JsonDocument.Parse(_cli.Out);
        Assert.Equal(9, json.RootElement.GetProperty("cells").EnumerateArray().Sum(cell => cell.GetProperty("bars").GetArrayLength()));
    }

    [Theory]
    [InlineData("audit", ExitCodes.Falsified)]
    [InlineData("audit findings", ExitCodes.Falsified)]
    [InlineData("steps", ExitCodes.Falsified)]
    [InlineData("no steps", ExitCodes.Inconclusive)]
    [InlineData("traces", ExitCodes.Falsified)]
    [InlineData("no frames", ExitCodes.Falsified)]
    [InlineData("failures", ExitCodes.Falsified)]
    public async Task A_bar_that_is_missed_or_not_measured_is_no_success(string what, int code)
    {
        Worse(cost => what switch
        {
            "audit" => cost with { Audit = cost.Audit with { CpuSeconds = 1 } },
            "audit findings" => cost with { Audit = cost.Audit with { Findings = 1 } },
            "steps" => cost with { Steps = cost.Steps! with { PerSecond = 14_999 } },
            "no steps" => cost with { Steps = null },
            "traces" => cost with { Sampled = cost.Sampled with { TracedSeconds = 4 } },
            "no frames" => cost with { Sampled = cost.Sampled with { Frames = 0 } },
            _ => cost with { Failures = 1 },
        });
        Assert.Equal(code, await BenchAsync("--require"));
        Assert.Contains(code == ExitCodes.Inconclusive ? "not measured" : "missed", _cli.Out);
        Assert.Equal(ExitCodes.Held, await BenchAsync());
    }

    [Fact]
    public async Task The_real_figures_are_of_the_same_executions_with_traces_and_without()
    {
        var costs = await new RealRooms().OpenTraceCostsAsync(Repository.Root(), null, CancellationToken.None);
        var cost = await costs.MeasureAsync([Sample.Program(3)], Sample.Cell, rounds: 1, _cli.Folder, CancellationToken.None);
        Assert.Equal((0, 0), (cost.Failures, cost.Audit.Findings));
        Assert.InRange(cost.Audit.Instructions, 10_000, 10_000_000);
        Assert.True(cost.Steps is null or { Findings: 0, Steps: > 100, PerSecond: > 0 });
        Assert.InRange(cost.Sampled.Observed, 1, cost.Sampled.Executions - 1);
        Assert.Equal(cost.Everywhere.Executions, cost.Everywhere.Observed);
        // What so few executions take may be less than the clock's tick: figures, not bounds.
        Assert.True(double.IsFinite(cost.Sampled.TracedSeconds) && cost.Sampled.RunSeconds >= 0 && double.IsFinite(cost.Sampled.Times), cost.ToString());
    }
}
