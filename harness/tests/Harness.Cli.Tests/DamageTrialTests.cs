using Harness.Campaigns;
using Harness.Cli.Damaging;

namespace Harness.Cli.Tests;

/// <summary>Damaged files through the command line, as <c>bench damage</c> does it: what is wrong with an answer must be seen.</summary>
public sealed class DamageTrialTests : IDisposable
{
    private const int Files = 300;

    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Commands_read_damaged_journals_and_cases_or_refuse_them_in_one_line()
    {
        var (journal, @case) = Stored();
        var trial = new DamageTrial(_cli.Rooms, 1);
        foreach (var subject in (DamageSubject[])
        [
            new("journals", File.ReadAllBytes(journal), journal, [_ => ["report", Path.GetDirectoryName(journal)!], _ => ["findings", "--results", _cli.PathOf("results")]]),
            new("cases", File.ReadAllBytes(@case), @case, [path => ["show", path]]),
            new("tokens", System.Text.Encoding.UTF8.GetBytes(Sample.Stored().Token), null, [word => ["show", "--", word]]),
        ])
        {
            Assert.Null(await trial.RefusalOfWholeAsync(subject, CancellationToken.None));
            var result = await trial.RunAsync(subject, Files, CancellationToken.None);
            Assert.Empty(result.Wrong.Select(wrong => wrong.Text));
            Assert.Equal(Files, result.Count);
            // Both ends are met: some damage is harmless, most is not.
            Assert.InRange(result.Refused, Files / 10, Files - 1);
        }
    }

    [Fact]
    public async Task A_command_that_crashes_is_wrong()
    {
        var (_, @case) = Stored();
        File.Delete(Path.Combine(Path.GetDirectoryName(@case)!, "unit.zig"));
        // Asked for by `show` where no source is stored.
        _cli.Rooms.Runner.Emitter = _ => throw new InvalidOperationException("planted");
        var subject = new DamageSubject("cases", File.ReadAllBytes(@case), @case, [path => ["show", path]]);
        var trial = new DamageTrial(_cli.Rooms, 1);
        Assert.Contains("does not read what is not damaged", await trial.RefusalOfWholeAsync(subject, CancellationToken.None), StringComparison.Ordinal);
        var result = await trial.RunAsync(subject, Files, CancellationToken.None);
        Assert.NotEmpty(result.Wrong);
        Assert.All(result.Wrong, wrong => Assert.Contains("crashes: System.InvalidOperationException: planted", wrong.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_that_changes_what_it_reads_is_wrong()
    {
        var (_, @case) = Stored();
        // Stands for a command that writes where it reads.
        var subject = new DamageSubject("cases", File.ReadAllBytes(@case), @case, [path =>
        {
            File.AppendAllText(path, " ");
            return ["show", path];
        }]);
        var result = await new DamageTrial(_cli.Rooms, 1).RunAsync(subject, 1, CancellationToken.None);
        Assert.Contains("changed case.json", Assert.Single(result.Wrong).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Control_characters_of_a_case_do_not_reach_the_terminal()
    {
        var (_, @case) = Stored();
        var folder = Path.GetDirectoryName(@case)!;
        File.WriteAllText(Path.Combine(folder, "unit.zig"), "const a = 1; // \u001b[2J\n");
        CaseStore.Write(folder, Sample.Stored() with { Document = Sample.Document() with { Signature = "digest/\u001b[2J\u007f" }, Source = "// \u001b[2J\n" });
        Assert.Equal(0, await _cli.RunAsync("show", folder));
        Assert.DoesNotContain(_cli.Out, c => char.IsControl(c) && c != '\n');
        var token = Sample.Stored().Token;
        Assert.Equal(0, await _cli.RunAsync("show", "--", token[..20] + "\r" + token[20..]));
        Assert.Contains($"replay {token}\n", _cli.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', _cli.Out);
        Assert.Equal(2, await _cli.RunAsync("replay", "fz1.\u001b[2J"));
        Assert.DoesNotContain(_cli.Error, c => char.IsControl(c) && c != '\n');
    }

    [Theory]
    [InlineData("\"fault/none\":4", "\"fault/none\":9223372036854775807", "no number of a run is 9223372036854775807")]
    [InlineData("\"fault/none\":4", "\"fault/none\":-1", "no number of a run is -1")]
    [InlineData("\"scope\":null", "\"scope\":7", "there is no small scope of size 7")]
    public void Numbers_that_no_run_comes_to_are_damage(string whole, string damaged, string complaint)
    {
        var text = File.ReadAllText(Stored().Journal);
        Assert.Contains(whole, text, StringComparison.Ordinal);
        var e = Assert.Throws<InvalidDataException>(() => JournalReader.Parse(System.Text.Encoding.UTF8.GetBytes(text.Replace(whole, damaged, StringComparison.Ordinal))));
        Assert.Contains(complaint, e.Message, StringComparison.Ordinal);
    }

    private (string Journal, string Case) Stored()
    {
        var run = new ResultsLayout(_cli.PathOf("results")).CreateRun(DateTimeOffset.UnixEpoch, 1);
        JournalWriter.Replace(run.Journal, JournalTests.Records);
        var folder = Path.Combine(run.Cases, "one");
        CaseStore.Write(folder, Sample.Stored() with { Picture = PictureTests.Whole, Explanation = JournalTests.Explanation });
        return (run.Journal, Path.Combine(folder, CaseStore.CaseFile));
    }
}
