using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.Checks;

namespace Harness.Verification.Tests.Checks;

/// <summary>Builds programs/check/kinds.zig once for all tests.</summary>
public sealed class KindsBuild : IAsyncLifetime
{
    public static readonly Cell Cell = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
    private readonly Scratch _scratch = new();

    /// <summary>The split worker's; the plain one is beside it.</summary>
    public string Worker { get; private set; } = "";

    public async Task InitializeAsync()
    {
        if (Tools.Zig is ZigLocation.Found)
        {
            Worker = Built(await BuildAsync("main", Cell, null, _scratch.Path)).WorkerPath;
        }
    }

    public Task DisposeAsync()
    {
        _scratch.Dispose();
        return Task.CompletedTask;
    }

    public static BuildOutcome.Built Built(BuildOutcome outcome) => outcome as BuildOutcome.Built ?? throw new InvalidOperationException($"{outcome}");

    public static Task<BuildOutcome> BuildAsync(string entry, Cell cell, PlantedDefect? defect, string directory)
    {
        var program = new ProgramFile(Tools.Fixtures.PathOf("programs/check/kinds.zig"), entry, []);
        return new WorkerBuilder(Tools.Fixtures, Tools.Cache, RuntimeRecipe.Checks.With(defect)).BuildProgramAsync(program, cell, directory, CancellationToken.None);
    }
}

/// <summary>Each thing that can become of a program, in Zig's own backend; the attribute route makes its unsplit build in another way, so it has a test too.</summary>
public sealed class CheckProgramTests(KindsBuild kinds) : IClassFixture<KindsBuild>, IDisposable
{
    private static readonly CheckCaps _few = new(24, 2, 4);
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory]
    [InlineData("holds", 100)]
    [InlineData("plain", 0)]
    public async Task The_examples_that_hold_do(string choice, long traces)
    {
        var compared = await ComparedAsync(choice, _few);
        Assert.Empty(compared.Findings);
        Assert.True(compared.Counts.Splits > 200, $"{compared.Counts}");
        Assert.True(compared.Counts.Traces.Taken >= traces, $"{compared.Counts}");
        Assert.Equal(compared.Counts.Traces.Taken, compared.Counts.Traces.Walked);
    }

    [ZigTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_cleans_up_holds_under_every_fault_and_split(bool isAttribute)
    {
        var worker = kinds.Worker;
        if (isAttribute)
        {
            var cell = new Cell(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm);
            worker = KindsBuild.Built(await KindsBuild.BuildAsync("main", cell, null, _scratch["build"])).WorkerPath;
        }

        var compared = await ComparedAsync("keeps", _few, worker);
        Assert.Empty(compared.Findings);
        Assert.Empty(compared.Unsteady);
        Assert.Empty(compared.Counts.Unjudged);
        // 6 of its own and 21 of those it calls; 4 of each kind of fault, and every allocation.
        Assert.Equal(27, compared.Counts.Checkpoints);
        Assert.Equal(16 + compared.Counts.Allocations, compared.Counts.Faults);
        Assert.True(compared.Counts.Splits > 300, $"{compared.Counts}");
    }

    [ZigFact]
    public async Task A_cancellation_and_an_overflow_arrive_by_the_runtime_and_as_in_the_unsplit_build()
    {
        var session = await SessionAsync("values", _few);
        var every = new CheckPlan(new CheckFault.Cancel(5), new CheckSplits.Nth(1));
        var canceled = await session.ReplayAsync(every, CancellationToken.None);
        Assert.Equal(("error Canceled", 0), (canceled.Run.Seen.Outcome, canceled.Differences.Length));
        var overflown = await session.ReplayAsync(every with { Fault = new CheckFault.Overflow(5) }, CancellationToken.None);
        Assert.Equal(("error StackOverflow", 0), (overflown.Run.Seen.Outcome, overflown.Differences.Length));
        // The budget was gone at 5: the first checkpoint behind the next split says so, and the unsplit build was told the same.
        Assert.Equal(new CheckDelivery(6, (int)ErrorName.StackOverflow), Assert.Single(overflown.Run.Seen.Delivered));
        Assert.Equal(overflown.Run.Seen.Delivered.AsEnumerable(), overflown.Against!.Seen.Delivered);
        var traces = overflown.Run.Seen[CheckAspect.Traces];
        Assert.Equal(6, traces[0].Split("kinds.deep kinds.zig:").Length - 1);
        Assert.Equal("std.debug: alike", Assert.Single(traces.Skip(1)));
    }

    [ZigFact]
    public async Task A_missing_errdefer_is_found_without_a_split_and_shrunk_to_its_fault()
    {
        var compared = await ComparedAsync("forgets", _few);
        var finding = Assert.Single(compared.Findings);
        Assert.Equal((true, "alloc@1 plain descending"), (finding.IsPrograms, finding.Plan.ToString()));
        Assert.Equal(new CheckDifference(CheckAspect.Resources, "", "never released: 1 file"), Assert.Single(finding.Differences));
    }

    [ZigFact]
    public async Task A_resource_given_back_twice_is_found()
    {
        var compared = await ComparedAsync("releasesTwice", _few);
        var finding = Assert.Single(compared.Findings);
        Assert.Equal("deliver@1:100 plain descending", finding.Plan.ToString());
        Assert.Equal("released-wrongly 1", Assert.Single(finding.Differences).Observed);
    }

    [ZigTheory]
    [InlineData("exitsSplit", CheckAspect.Outcome, "value 0", "exit 7", 1)]
    [InlineData("measures", CheckAspect.Outcome, "value 20", "error TooDeep", 1)]
    [InlineData("leaksSplitTwice", CheckAspect.Events, "", "acquired 1 chair", 2)]
    public async Task What_splits_alone_break_is_shrunk_to_the_fewest_splits_and_replayed(string entry, CheckAspect aspect, string expected, string observed, int splits)
    {
        var session = await SessionAsync(entry, new CheckCaps(8, 1, 1));
        var compared = Assert.IsType<CheckOutcome.Compared>(await session.RunAsync(TimeSpan.FromMinutes(5), _ => { }, CancellationToken.None));
        var finding = Assert.Single(compared.Findings);
        Assert.Equal(new CheckDifference(aspect, expected, observed), finding.Differences.First(d => d.Aspect == aspect));
        Assert.Equal(splits, Assert.IsType<CheckSplits.At>(finding.Plan.Splits).Prologues.Count);
        Assert.Equal((new CheckFault.None(), CheckMemory.Descending), (finding.Plan.Fault, finding.Plan.Memory));
        var again = await session.ReplayAsync(CheckPlan.Parse(finding.Plan.ToString()), CancellationToken.None);
        Assert.Equal(finding.Differences.AsEnumerable(), again.Differences);
        var without = await session.ReplayAsync(finding.Plan with { Splits = new CheckSplits.Fiber() }, CancellationToken.None);
        Assert.Empty(without.Differences);
    }

    [ZigFact]
    public async Task What_hangs_only_when_it_splits_is_a_difference_like_another()
    {
        var judgement = await (await SessionAsync("hangsSplit", _few)).ReplayAsync(new CheckPlan(new CheckFault.None(), new CheckSplits.Nth(1)), CancellationToken.None);
        Assert.Equal(new CheckDifference(CheckAspect.Outcome, "value 0", "hung"), judgement.Differences[0]);
    }

    [ZigTheory]
    [InlineData("panics", "panic index out of bounds: index 3, len 0")]
    [InlineData("faults", "signal 11")]
    [InlineData("exits", "exit 7")]
    public async Task However_a_program_ends_it_may_hold(string entry, string outcome)
    {
        var session = await SessionAsync(entry, new CheckCaps(4, 1, 1));
        Assert.Equal(outcome, (await session.ReplayAsync(new CheckPlan(new CheckFault.None(), new CheckSplits.Nth(1)), CancellationToken.None)).Run.Seen.Outcome);
        var compared = Assert.IsType<CheckOutcome.Compared>(await session.RunAsync(TimeSpan.FromMinutes(5), _ => { }, CancellationToken.None));
        Assert.Empty(compared.Findings);
    }

    [ZigTheory]
    [InlineData("wavers", "two runs of the unsplit build differ, in Outcome")]
    [InlineData("hangs", "does not end")]
    [InlineData("floods", "writes more than is looked at")]
    public async Task Of_what_does_not_do_the_same_twice_or_has_no_end_nothing_is_said(string entry, string why)
    {
        var session = await SessionAsync(entry, _few);
        var unsuitable = Assert.IsType<CheckOutcome.Unsuitable>(await session.RunAsync(TimeSpan.FromMinutes(5), _ => { }, CancellationToken.None));
        Assert.Contains(why, unsuitable.Reason);
    }

    /// <summary>A kept segment that does not learn where it was entered from this time: the program does the same, but the way back finds another segment than it left.</summary>
    [ZigFact]
    public async Task A_planted_defect_of_the_stubs_shows_in_a_program_that_holds_without_it()
    {
        var plan = CheckPlan.Parse("cancel@5 nth@1 kept");
        var built = KindsBuild.Built(await KindsBuild.BuildAsync("main", KindsBuild.Cell, PlantedDefect.Named("warm_stub_frame"), _scratch["build"]));
        var broken = await (await SessionAsync("values", _few, built.WorkerPath)).ReplayAsync(plan, CancellationToken.None);
        Assert.Equal((CheckAspect.Stack, "memory 4"), (broken.Differences[0].Aspect, broken.Differences[0].Observed));
        Assert.Empty((await (await SessionAsync("values", _few)).ReplayAsync(plan, CancellationToken.None)).Differences);
    }

    /// <summary>Rows of the stub that are one slot off: frame pointers lead through it all the same, std.debug does not.</summary>
    [ZigFact]
    public async Task Wrong_rows_of_the_stubs_show_where_std_debug_walks_a_programs_stack()
    {
        var plan = CheckPlan.Parse("overflow@5 nth@1 descending");
        var built = KindsBuild.Built(await KindsBuild.BuildAsync("main", KindsBuild.Cell, PlantedDefect.Named("cfi"), _scratch["build"]));
        var broken = await (await SessionAsync("values", _few, built.WorkerPath)).ReplayAsync(plan, CancellationToken.None);
        var difference = Assert.Single(broken.Differences);
        Assert.Equal((CheckAspect.Traces, "std.debug: alike"), (difference.Aspect, difference.Expected));
        Assert.StartsWith("std.debug: otherwise than frame pointers", difference.Observed, StringComparison.Ordinal);
        Assert.Empty((await (await SessionAsync("values", _few)).ReplayAsync(plan, CancellationToken.None)).Differences);
    }

    [ZigFact]
    public async Task Std_debug_is_not_asked_about_a_stack_that_is_too_deep_for_it()
    {
        var session = await SessionAsync("deepest", _few);
        var judgement = await session.ReplayAsync(CheckPlan.Parse("deliver@5001:100 fiber descending"), CancellationToken.None);
        Assert.Empty(judgement.Differences);
        Assert.Equal("std.debug: unasked", judgement.Run.Seen[CheckAspect.Traces][^1]);
        Assert.Equal(new CheckTraces(1, 0), judgement.Run.Seen.Taken);
    }

    [ZigTheory]
    [InlineData("nobody", "the file has no `pub fn nobody`")]
    [InlineData("takes", "`takes` is a `fn (u8) void`; an entry is `fn () R` or `fn (std.mem.Allocator) R`")]
    [InlineData("text", "`text` is a `fn () []const u8`")]
    public async Task What_cannot_be_an_entry_is_said_in_one_line(string entry, string why)
    {
        var outcome = await KindsBuild.BuildAsync(entry, KindsBuild.Cell, null, _scratch["build"]);
        var mistake = ProgramFile.EntryMistake(Assert.IsType<BuildOutcome.Rejected>(outcome).Diagnostics);
        Assert.Contains(why, mistake);
    }

    private async Task<CheckOutcome.Compared> ComparedAsync(string choice, CheckCaps caps, string? worker = null)
    {
        var session = await SessionAsync(choice, caps, worker);
        return Assert.IsType<CheckOutcome.Compared>(await session.RunAsync(TimeSpan.FromMinutes(5), _ => { }, CancellationToken.None));
    }

    private async Task<CheckSession> SessionAsync(string choice, CheckCaps caps, string? worker = null)
    {
        await File.WriteAllTextAsync(_scratch["choice"], choice);
        worker ??= kinds.Worker;
        var processes = await Tools.Cache.ProcessesAsync(CancellationToken.None);
        var limits = new CheckLimits(1, 64 << 10);
        var plain = new CheckWorker(processes, Path.Combine(Path.GetDirectoryName(worker)!, WorkerBuilder.PlainWorkerName), _scratch.Path, limits);
        return new CheckSession(plain, new CheckWorker(processes, worker, _scratch.Path, limits), caps, TimeProvider.System);
    }
}
