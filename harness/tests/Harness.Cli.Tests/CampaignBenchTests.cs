using System.Text.Json;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Tests;

/// <summary><c>bench campaign</c>: the compiler alone gets what the campaign compiled, all of it and nothing else.</summary>
public sealed class CampaignBenchTests : IDisposable
{
    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task The_compiler_alone_gets_every_batch_of_the_campaign_twice()
    {
        Slowly(TimeSpan.FromMilliseconds(100));
        Assert.Equal(ExitCodes.Held, await _cli.RunAsync("bench", "campaign", "--budget", "1s", "--rounds", "1", "--route", "thunk", "--mode", "Debug,ReleaseFast", "--jobs", "2", "--json"));
        var asked = Texts(_cli.Rooms.Checker.Asked);
        Assert.True(asked.Count > 2);
        Assert.Equal(asked.Concat(asked).Order(StringComparer.Ordinal), Texts([.. _cli.Rooms.Compiler.Asked]).Order(StringComparer.Ordinal));

        var round = JsonDocument.Parse(_cli.Out).RootElement.GetProperty("rounds")[0];
        Assert.Equal(asked.Count, round.GetProperty("batches").GetInt32());
        Assert.Equal(0.5 * asked.Count, round.GetProperty("compilerInTurn").GetDouble(), 3);
        Assert.True(round.GetProperty("compilerInLanes").GetDouble() < 0.5 * asked.Count);
    }

    /// <summary>What a failing one takes is not what is asked about.</summary>
    [Fact]
    public async Task A_campaign_that_finds_something_is_not_measured()
    {
        _cli.Rooms.Checker.FailIn([.. Campaigns.CellMatrix.All]);
        Assert.Equal(ExitCodes.Environment, await _cli.RunAsync("bench", "campaign", "--budget", "1s", "--rounds", "1"));
        Assert.Contains("the campaign did not hold, so its time says nothing", _cli.Error, StringComparison.Ordinal);
        Assert.Empty(_cli.Rooms.Compiler.Asked);
    }

    private static List<string> Texts(IReadOnlyList<(Cell Cell, IReadOnlyList<FiberProgram> Programs)> batches) =>
        [.. batches.Select(batch => $"{batch.Cell} {string.Join(' ', batch.Programs.Select(ProgramJson.Write))}")];

    private void Slowly(TimeSpan each)
    {
        var quickly = _cli.Rooms.Checker.Answer;
        _cli.Rooms.Checker.Answer = async (programs, cell, ct) =>
        {
            await Task.Delay(each, ct);
            return await quickly(programs, cell, ct);
        };
    }
}
