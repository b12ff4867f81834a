using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli.Tests;

public sealed class SchedulerTests
{
    private static readonly TimeSpan _hour = TimeSpan.FromHours(1);

    [Fact]
    public void A_fixed_number_of_programs_runs_once_in_every_cell()
    {
        var items = Drain(new FixedScheduler(CellMatrix.Default, 70));
        foreach (var cell in CellMatrix.Default)
        {
            var ordinals = items.Where(item => item.Cell == cell).SelectMany(item => Range(item));
            Assert.Equal(Enumerable.Range(0, 70).Select(i => (long)i), ordinals.Order());
        }
    }

    [Fact]
    public void The_fixed_order_depends_on_the_arguments_alone() =>
        Assert.Equal(Drain(new FixedScheduler(CellMatrix.Default, 70)), Drain(new FixedScheduler(CellMatrix.Default, 70)));

    [Fact]
    public void Sequence_numbers_follow_the_order_without_gaps()
    {
        var all = Drain(new FixedScheduler(CellMatrix.Default, 70));
        Assert.Equal(Enumerable.Range(0, all.Count).Select(i => (long)i), all.Select(item => item.Sequence));
        var first = all[0];
        var rest = Drain(new FixedScheduler(CellMatrix.Default, 70, firstSequence: 5, (cell, start) => cell == first.Cell && start == first.Start));
        Assert.Equal(all.Count - 1, rest.Count);
        Assert.Equal(5, rest[0].Sequence);
    }

    [Fact]
    public void Every_cell_gets_the_same_share_of_time_whatever_a_program_costs()
    {
        var used = Simulate(_hour, cell => cell.Mode is OptimizeMode.ReleaseFast ? 0.3 : cell.Backend is Backend.SelfHosted ? 0.02 : 0.1);
        var fair = used.Values.Average();
        Assert.All(used.Values, value => Assert.InRange(value, fair * 0.95, fair * 1.05));
    }

    [Fact]
    public void A_minute_on_two_lanes_reaches_every_cell()
    {
        var used = Simulate(TimeSpan.FromSeconds(60), cell => cell.Mode is OptimizeMode.Debug ? 0.1 : 0.6);
        Assert.Equal(CellMatrix.Default.Count, used.Count);
        Assert.All(used.Values, value => Assert.True(value > 0));
    }

    [Fact]
    public void The_first_round_takes_each_cell_once()
    {
        var scheduler = new FairScheduler(CellMatrix.Default);
        var first = Enumerable.Range(0, 9).Select(_ => scheduler.TryTake(_hour)!).ToList();
        Assert.Equal(9, first.Select(item => item.Cell).Distinct().Count());
        Assert.All(first, item => Assert.Equal(FairScheduler.FirstBatch, item.Count));
    }

    [Theory]
    [InlineData(60, 0.08, 75)]
    [InlineData(3600, 0.08, 250)]
    [InlineData(3600, 0.001, FairScheduler.LargestBatch)]
    public void Batches_grow_with_the_time_that_is_left(double seconds, double secondsPerProgram, int expected)
    {
        var scheduler = new FairScheduler([CellMatrix.Default[0]]);
        var remaining = TimeSpan.FromSeconds(seconds);
        for (var round = 0; round < 12; round++)
        {
            var item = scheduler.TryTake(remaining)!;
            scheduler.Complete(item, TimeSpan.FromSeconds(item.Count * secondsPerProgram));
        }

        Assert.Equal(expected, scheduler.TryTake(remaining)!.Count);
    }

    [Fact]
    public void A_batch_that_would_overrun_the_budget_is_not_started()
    {
        var scheduler = new FairScheduler([Sample.Cell]);
        var item = scheduler.TryTake(TimeSpan.FromSeconds(10))!;
        scheduler.Complete(item, TimeSpan.FromSeconds(8));
        Assert.Null(scheduler.TryTake(TimeSpan.FromSeconds(1)));
        Assert.Equal(1, scheduler.TryTake(TimeSpan.FromSeconds(3))!.Count);
        Assert.Null(scheduler.TryTake(TimeSpan.Zero));
    }

    [Fact]
    public void A_cell_goes_through_the_stream_without_gaps_from_where_it_left_off()
    {
        var scheduler = new FairScheduler([Sample.Cell], _ => 40);
        var next = 40L;
        for (var i = 0; i < 20; i++)
        {
            var item = scheduler.TryTake(_hour)!;
            Assert.Equal(next, item.Start);
            next = item.End;
            scheduler.Complete(item, TimeSpan.FromMilliseconds(item.Count));
        }
    }

    [Fact]
    public void Recipes_are_a_pure_function_of_seed_and_ordinal()
    {
        var a = new ProgramStream(1, null, new FakePrograms());
        var b = new ProgramStream(1, null, new FakePrograms());
        Assert.Equal(Enumerable.Range(0, 100).Select(i => a.Recipe(i)), Enumerable.Range(0, 100).Reverse().Select(i => b.Recipe(i)).Reverse());
        Assert.NotEqual(a.Recipe(0).Seed, new ProgramStream(2, null, new FakePrograms()).Recipe(0).Seed);
        Assert.Equal(100, Enumerable.Range(0, 100).Select(i => a.Recipe(i).Seed).Distinct().Count());
        Assert.Equal("default", a.Recipe(0).Profile);
        Assert.Equal(76, Enumerable.Range(0, 100).Select(i => a.Recipe(i).Profile).Distinct().Count());
        Assert.Equal("deep", new ProgramStream(1, "deep", new FakePrograms()).Recipe(5).Profile);
    }

    private static IEnumerable<long> Range(WorkItem item) => Enumerable.Range(0, item.Count).Select(i => item.Start + i);

    private static List<WorkItem> Drain(IWorkScheduler scheduler)
    {
        var items = new List<WorkItem>();
        while (scheduler.TryTake(_hour) is { } item)
        {
            items.Add(item);
        }

        return items;
    }

    /// <summary>Two lanes on a clock of our own; the seconds that each cell got.</summary>
    private static Dictionary<Cell, double> Simulate(TimeSpan budget, Func<Cell, double> secondsPerProgram)
    {
        var scheduler = new FairScheduler(CellMatrix.Default);
        var used = new Dictionary<Cell, double>();
        var lanes = new PriorityQueue<WorkItem?, double>([(null, 0), (null, 0)]);
        while (lanes.TryDequeue(out var done, out var now))
        {
            if (done is not null)
            {
                var cost = 0.3 + (done.Count * secondsPerProgram(done.Cell));
                used[done.Cell] = used.GetValueOrDefault(done.Cell) + cost;
                scheduler.Complete(done, TimeSpan.FromSeconds(cost));
            }

            if (scheduler.TryTake(budget - TimeSpan.FromSeconds(now)) is { } item)
            {
                lanes.Enqueue(item, now + 0.3 + (item.Count * secondsPerProgram(item.Cell)));
            }
        }

        return used;
    }
}
