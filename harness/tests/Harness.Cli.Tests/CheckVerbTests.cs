using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Checks;

namespace Harness.Cli.Tests;

/// <summary><c>check</c>, as people type it: tokens, mistakes, exit codes.</summary>
public sealed class CheckVerbTests : IDisposable
{
    private static readonly Cell _cell = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
    private static readonly CheckPlan _plan = CheckPlan.Parse("deliver@7:100 at@3,9 ascending");
    private readonly Cli _cli = new();

    public CheckVerbTests() => File.WriteAllText(_cli.PathOf("p.zig"), "pub fn main() void {}\n");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public void A_token_carries_cell_and_plan_and_needs_no_quoting()
    {
        var token = CheckToken.Write(_cell, _plan);
        Assert.Matches("^[A-Za-z0-9+@,:/_-]+$", token);
        Assert.Equal((_cell, _plan), CheckToken.Read(token));
    }

    [Theory]
    [InlineData("", "a word of the command line is empty")]
    [InlineData("garbage", "is not a plan")]
    [InlineData("ck1+a+b", "is not a plan")]
    [InlineData("ck9+a+b+c+d+e", "version ck9")]
    [InlineData("ck1+thunk/Debug/selfhosted/x86_64-linux-gnu+none+fiber+kept+000000", "checksum")]
    public async Task A_garbage_token_is_bad_usage_in_one_line(string token, string why)
    {
        Assert.Equal(2, await RunAsync("--plan", token));
        Assert.Contains(why, _cli.Error);
        Assert.Single(_cli.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Every_damaged_letter_of_a_token_is_noticed()
    {
        var token = CheckToken.Write(_cell, _plan);
        Assert.All(Enumerable.Range(0, token.Length), i => Assert.Throws<UsageException>(
            () => CheckToken.Read(string.Concat(token.AsSpan(0, i), token[i] == '1' ? "2" : "1", token.AsSpan(i + 1)))));
        Assert.Throws<UsageException>(() => CheckToken.Read(token[..^1]));
    }

    [Theory]
    [InlineData("no such file", "nobody.zig", "main")]
    [InlineData("is not the name of a function", "p.zig", "main()")]
    public async Task What_cannot_be_asked_is_bad_usage(string why, string file, string entry)
    {
        Assert.Equal(2, await _cli.RunAsync("check", _cli.PathOf(file), "--entry", entry));
        Assert.Contains(why.Replace("no such file", "there is no file"), _cli.Error);
    }

    [Fact]
    public async Task Verdicts_have_their_exit_codes()
    {
        var counts = new CheckCounts(1, 0, 9, 4, 4, 9, 30, 100, 0) { Traces = new CheckTraces(12, 11) };
        var difference = new CheckDifference(CheckAspect.Outcome, "returned", "error TooDeep");
        var finding = new CheckFinding(_plan, _plan, [difference], 3, "returned", "error TooDeep");
        Assert.Equal(0, await AnswerAsync(Compared(counts)));
        Assert.Contains("HELD: 0 findings", _cli.Out);
        Assert.Contains("traces          12 in fibers, 11 of them asked of std.debug as well", _cli.Out);
        Assert.Equal(4, await AnswerAsync(Compared(counts with { Splits = 0 })));
        Assert.Equal(4, await AnswerAsync(new ProgramOutcome.Checked(new CheckOutcome.Unsuitable("two runs differ"), 1, 1)));
        Assert.Contains("nothing can be said: two runs differ", _cli.Out);
        Assert.Equal(3, await AnswerAsync(new ProgramOutcome.Unusable("p.zig:1:1: error: no")));
        Assert.Equal(2, await AnswerAsync(new ProgramOutcome.NoEntry("the file has no `pub fn main`")));
        Assert.Equal(1, await AnswerAsync(Compared(counts, finding)));
        // What it printed is what is typed to see it again.
        var line = _cli.Out.Split('\n').First(l => l.Contains("--plan", StringComparison.Ordinal));
        Assert.Equal((_cell, _plan), CheckToken.Read(line.Split(' ')[^1]));
    }

    private static ProgramOutcome.Checked Compared(CheckCounts counts, params CheckFinding[] findings) => new(new CheckOutcome.Compared(counts, [.. findings], []), 1, 1);

    private async Task<int> AnswerAsync(ProgramOutcome outcome)
    {
        _cli.Rooms.CheckedPrograms = new FakePrograms(outcome);
        return await RunAsync("--route", "thunk", "--mode", "Debug");
    }

    private Task<int> RunAsync(params string[] more) => _cli.RunAsync(["check", _cli.PathOf("p.zig"), "--entry", "main", .. more]);

    private sealed class FakePrograms(ProgramOutcome outcome) : ICheckedPrograms
    {
        public Task<ProgramOutcome> CheckAsync(ProgramFile file, Cell cell, string directory, TimeSpan budget, Action<string> onProgress, CancellationToken ct) => Task.FromResult(outcome);

        public Task<ProgramOutcome> ReplayAsync(ProgramFile file, Cell cell, CheckPlan plan, string directory, CancellationToken ct) => Task.FromResult(outcome);
    }
}
