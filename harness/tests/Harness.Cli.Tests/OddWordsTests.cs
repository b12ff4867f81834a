using System.CommandLine;
using Harness.Campaigns;

namespace Harness.Cli.Tests;

/// <summary>Every option and argument of every verb with words that nobody meant: a documented exit code, one line, and never a crash.</summary>
public sealed class OddWordsTests : IDisposable
{
    /// <summary>They start processes of their own, whatever rooms they are given.</summary>
    private static readonly string[] _real = ["kills", "damage", "doctor"];

    private static readonly string[] _words =
    [
        "", " ", "-1", "0", "1", "x", "99999999999999999999", "1/0", "0/0", "2/1", "\u001b[2J", "NaN", "1e9", "-5s", "9999999h", "--", "@", "@x", "\ud83d\udca5\ud83d\udca5", "a,b,c", "a=b", "%s", "*", "thunk", "Debug",
        "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/exe", "/nonexistent/x", "/etc", "fz1.", "fz1.AAAA", "ck1+", "exhaust:99", "libgcc",
    ];

    private readonly Cli _cli = new();

    public void Dispose() => _cli.Dispose();

    public static TheoryData<string> Verbs => [.. Commands(Application.Root(new VerbContext(Terminal.OfProcess(), new FakeRooms(), [])), "").Select(verb => verb.Path).Where(path => !_real.Contains(path.Split(' ')[^1]))];

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Odd_words_are_refused_in_one_line(string verb)
    {
        // Nothing is opened, so nothing takes long: what is read before that is what this is about.
        _cli.Rooms.Unusable = new EnvironmentUnusableException("no compiler here");
        var command = Commands(Application.Root(new VerbContext(Terminal.OfProcess(), _cli.Rooms, [])), "").Single(c => c.Path == verb).Command;
        foreach (var word in _words)
        {
            foreach (var option in command.Options.Where(option => option is not System.CommandLine.Help.HelpOption).Select(option => option.Name))
            {
                var value = option == "--results" && word.Length > 0 ? _cli.PathOf("odd") + word : word;
                await AnswersAsync([.. verb.Split(' '), option, value]);
                // Only beside others is an option worth something where the verb needs an argument.
                await AnswersAsync([.. verb.Split(' '), .. command.Arguments.Select(_ => "/etc/hostname"), option, value]);
            }

            await AnswersAsync([.. verb.Split(' '), word]);
        }
    }

    private async Task AnswersAsync(string[] args)
    {
        var code = await _cli.RunAsync(args);
        var shown = string.Join(' ', args);
        Assert.True(code is >= 0 and <= 4, $"{shown}: exit code {code}");
        Assert.False(_cli.Error.Contains(Application.OwnDefect, StringComparison.Ordinal), $"{shown}: {_cli.Error}");
        Assert.False((_cli.Out + _cli.Error).Any(c => char.IsControl(c) && c != '\n'), $"{shown}: {_cli.Out}{_cli.Error}");
        if (code == 2)
        {
            Assert.True(_cli.Error.Count(c => c == '\n') == 1 && _cli.Error.StartsWith("harness: ", StringComparison.Ordinal), $"{shown}: {_cli.Error}");
        }
    }

    private static IEnumerable<(string Path, Command Command)> Commands(Command of, string path)
    {
        foreach (var command in of.Subcommands)
        {
            var name = path.Length == 0 ? command.Name : $"{path} {command.Name}";
            yield return (name, command);
            foreach (var below in Commands(command, name))
            {
                yield return below;
            }
        }
    }
}
