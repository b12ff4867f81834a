using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Harness.Model;
using Harness.Reports;
using Harness.Toolchain;
using Harness.Verification.TestFiles;

namespace Harness.Cli.Verbs;

/// <summary><c>test FILE [-- zig options]</c>: any file of Zig tests, each test plainly and then on split stacks.</summary>
internal sealed class TestVerb
{
    private readonly Argument<string?> _file = new("FILE") { Description = "A Zig file with tests, unmodified", Arity = ArgumentArity.ZeroOrOne };
    private readonly Argument<string[]> _options = new("OPTIONS") { Description = "After --: for the compiler, as in zig test", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<bool> _standard = new("--std") { Description = "The tests of the compiler's own library in place of FILE, as far as its distribution has their files" };
    private readonly Option<string[]> _filter = new("--filter") { Description = "Only tests whose names contain this", HelpName = "TEXT" };
    private readonly Option<string[]> _routes = Options.Routes();
    private readonly Option<string[]> _modes = Options.Modes();
    private readonly Option<string?> _zig = Options.Zig();
    private readonly Option<bool> _json = Options.Json();

    public static Command Create(VerbContext context)
    {
        var verb = new TestVerb();
        var command = new Command("test", "Run any file of Zig tests in a fiber: plainly, then with every prologue split and with single splits, and compare")
        {
            verb._file, verb._options, verb._standard, verb._filter, verb._routes, verb._modes, verb._zig, verb._json,
        };
        command.SetAction((result, ct) => verb.RunAsync(context, result, ct));
        return command;
    }

    private async Task<int> RunAsync(VerbContext context, ParseResult result, CancellationToken ct)
    {
        var standard = result.GetValue(_standard);
        var path = result.GetValue(_file);
        if (standard == path is not null)
        {
            throw new UsageException(standard ? "--std and a file: give one of them" : "which file? For example: scripts/harness test src/main.zig, or --std for the compiler's own library");
        }

        if (path is not null && !File.Exists(path))
        {
            throw new UsageException($"there is no file {path}");
        }

        var cells = Options.CellsOrTwo(result.GetValue(_routes), result.GetValue(_modes));
        var options = result.GetValue(_options) ?? [];
        var filters = result.GetValue(_filter) ?? [];
        var files = await context.Rooms.OpenTestFilesAsync(Repository.Root(), result.GetValue(_zig), ct).ConfigureAwait(false);
        return await OneCase.WithScratchAsync(async scratch =>
        {
            StandardTests? found = null;
            if (standard)
            {
                context.Terminal.Error.WriteLine("looking for the library's tests that compile");
                found = await files.StandardAsync(scratch, ct).ConfigureAwait(false);
            }

            var file = found?.File ?? new TestFile(Path.GetFullPath(path!), [], []);
            file = file with { Options = [.. options], Filters = filters.Length > 0 ? [.. filters] : file.Filters };
            context.Terminal.Error.WriteLine($"compiling for {string.Join(" and ", cells)}");
            var progress = new TestProgress(context.Terminal);
            var ran = await files.RunAsync(file, cells, scratch, (_, one) => progress.Add(one), ct).ConfigureAwait(false);
            progress.End();
            var outcomes = cells.Zip(ran).ToList();
            foreach (var (cell, outcome) in result.GetValue(_json) ? [] : outcomes)
            {
                context.Terminal.Out.Write(TestText.Of(cell, outcome));
            }

            context.Terminal.Out.Write(result.GetValue(_json) ? JsonSerializer.Serialize(TestText.Fields(outcomes, found), CaseText.JsonOptions) + "\n" : TestText.Ending(outcomes, found));
            return CodeOf(outcomes);
        }).ConfigureAwait(false);
    }

    private static int CodeOf(IReadOnlyList<(Cell Cell, TestFileOutcome Outcome)> outcomes)
    {
        var results = outcomes.Select(o => o.Outcome).OfType<TestFileOutcome.Ran>().SelectMany(ran => ran.Results).ToList();
        return results.Exists(r => r.Verdict is TestVerdict.Broken) ? ExitCodes.Falsified
            : outcomes.Any(o => o.Outcome is TestFileOutcome.Unusable) ? ExitCodes.Environment
            : results.Exists(r => r.Verdict is TestVerdict.Held) ? ExitCodes.Held
            : ExitCodes.Inconclusive;
    }

    /// <summary>How far it is, on one line that is rewritten.</summary>
    private sealed class TestProgress(Terminal terminal)
    {
        private int _tests;
        private int _broken;

        public void Add(TestResult result)
        {
            _tests++;
            _broken += result.Verdict is TestVerdict.Broken ? 1 : 0;
            if (terminal.IsLive)
            {
                terminal.Error.Write(string.Create(CultureInfo.InvariantCulture, $"\r{_tests:N0} tests, {_broken:N0} broken by splits"));
            }
        }

        public void End()
        {
            if (terminal.IsLive)
            {
                terminal.Error.WriteLine();
            }
        }
    }
}
