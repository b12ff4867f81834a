using Harness.Campaigns;
using Harness.Model;

namespace Harness.Cli.Tests;

/// <summary>Every small program before random ones, as far as a share of the budget goes.</summary>
public sealed class SmallScopeFirstTests
{
    private static readonly TimeSpan _hour = TimeSpan.FromHours(1);
    private static readonly IReadOnlyList<Cell> _cells = CellMatrix.Default;

    [Fact]
    public void Each_size_is_begun_in_every_cell_before_the_next_and_random_programs_come_then()
    {
        var items = Take(Scheduler(TimeSpan.FromSeconds(40)), TimeSpan.FromSeconds(1), 60);
        var small = items.TakeWhile(item => item.Scope is not null).ToList();
        Assert.Equal(_cells.Count, small.Count(item => item.Scope == 1));
        Assert.Equal(small.Select(item => item.Scope).Order(), small.Select(item => item.Scope));
        Assert.Equal(12, small[0].Count);
        Assert.Equal(Backend.SelfHosted, small[0].Cell.Backend);
        Assert.InRange(small.Count, 36, 41);
        Assert.All(items.Skip(small.Count), item => Assert.Null(item.Scope));
        Assert.Equal(Enumerable.Range(0, 60).Select(i => (long)i), items.Select(item => item.Sequence));
    }

    [Fact]
    public void A_dear_batch_ends_the_small_scope_and_a_short_budget_has_none()
    {
        Assert.Equal(1, Take(Scheduler(TimeSpan.FromSeconds(6)), TimeSpan.FromSeconds(5), 20).Count(item => item.Scope is not null));
        Assert.DoesNotContain(Take(Scheduler(TimeSpan.FromSeconds(1)), TimeSpan.FromSeconds(1), 20), item => item.Scope is not null);
    }

    [Fact]
    public void Other_lanes_take_random_programs_until_it_is_known_what_a_batch_costs()
    {
        var scheduler = Scheduler(_hour);
        var first = Enumerable.Range(0, 4).Select(_ => scheduler.TryTake(_hour)!).ToList();
        Assert.Equal([1, null, null, null], first.Select(item => item.Scope));
        scheduler.Complete(first[0], TimeSpan.FromSeconds(1));
        Assert.Equal(1, scheduler.TryTake(_hour)!.Scope);
        Assert.Equal(1, scheduler.TryTake(_hour)!.Scope);
    }

    [Fact]
    public void A_resumed_run_goes_on_where_it_was_and_with_what_is_left_of_the_share()
    {
        var all = Take(Scheduler(_hour), TimeSpan.FromSeconds(1), 20);
        var done = all.Take(5).Select(item => (item.Cell, item.Scope!.Value, item.Start)).ToHashSet();
        var rest = Take(Scheduler(_hour, TimeSpan.Zero, done), TimeSpan.FromSeconds(1), 15);
        Assert.Equal(all.Skip(5).Select(item => (item.Cell, item.Scope, item.Start)), rest.Select(item => (item.Cell, item.Scope, item.Start)));
        Assert.DoesNotContain(Take(Scheduler(_hour, _hour, done), TimeSpan.FromSeconds(1), 5), item => item.Scope is not null);
    }

    [Fact]
    public void Sizes_are_whole_and_shards_have_their_part()
    {
        var items = Take(Scheduler(TimeSpan.FromDays(10)), TimeSpan.FromSeconds(1), 60);
        Assert.Equal(291, items.Where(item => item.Scope == 2 && item.Cell == _cells[0]).Sum(item => item.Count));
        var half = new SmallScopeFirst(new FairScheduler(_cells), _cells, Shards.Parse("2/2")!, _hour, TimeSpan.Zero, (_, _, _) => false, 0);
        Assert.Equal(6, half.TryTake(_hour)!.Count);
    }

    [Fact]
    public async Task A_budgets_run_checks_small_programs_and_says_how_far()
    {
        using var cli = new Cli();
        cli.Rooms.Checker.Answer = async (programs, _, ct) =>
        {
            await Task.Delay(20, ct);
            return Sample.Outcome(programs.Count);
        };
        await cli.CampaignAsync("--budget", "6s", "--jobs", "8", "--seed", "5");
        var batches = JournalReader.Read(cli.OnlyRun().Journal).Records.OfType<JournalRecord.BatchChecked>().ToList();
        Assert.True(batches.Exists(batch => batch.Scope == 1), $"{batches.Count} batches, none of the small scope: {cli.Error}{cli.Out}");
        Assert.Contains(batches, batch => batch.Scope is null);
        Assert.DoesNotContain("none of any size", cli.Out);
        Assert.Matches("small +exhaustive up to", cli.Out);
        Assert.Equal(batches.Where(batch => batch.Scope is null).SelectMany(batch => Enumerable.Range(0, batch.Count).Select(i => batch.Start + i)).Distinct().Count(), Tally.Of(JournalReader.Read(cli.OnlyRun().Journal).Records).Total.Programs);
    }

    private static SmallScopeFirst Scheduler(TimeSpan allowance, TimeSpan used = default, HashSet<(Cell, int, long)>? done = null) =>
        new(new FairScheduler(_cells), _cells, Shards.Whole, allowance, used, (cell, size, start) => done?.Contains((cell, size, start)) == true, 0);

    /// <summary>One lane; every batch costs the same.</summary>
    private static List<WorkItem> Take(SmallScopeFirst scheduler, TimeSpan cost, int count)
    {
        var items = new List<WorkItem>();
        while (items.Count < count && scheduler.TryTake(_hour) is { } item)
        {
            items.Add(item);
            scheduler.Complete(item, cost);
        }

        return items;
    }
}
