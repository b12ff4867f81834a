using System.CommandLine;
using System.Text.Json;
using Harness.Model;
using Harness.Reports;
using Harness.Toolchain;
using Harness.Verification.Checks;

namespace Harness.Cli.Verbs;

/// <summary><c>check FILE --entry NAME [-- zig options]</c>: a user's own program, its split build against its unsplit one.</summary>
internal sealed class CheckVerb
{
    private const string DefaultBudget = "60s";
    private readonly Argument<string> _file = new("FILE") { Description = "A Zig file" };
    private readonly Argument<string[]> _options = new("OPTIONS") { Description = "After --: for the compiler, as in zig build-obj", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string> _entry = new("--entry") { Description = "The public function of it that is called", HelpName = "NAME", Required = true };
    private readonly Option<string[]> _routes = Options.Routes();
    private readonly Option<string[]> _modes = Options.Modes();
    private readonly Option<string> _budget = new("--budget")
    {
        Description = "For running plans, all cells together", HelpName = "TIME", DefaultValueFactory = _ => DefaultBudget,
    };

    private readonly Option<string?> _plan = new("--plan") { Description = "Only this plan, which a finding printed; exit 1 if it still fails, 0 if it holds", HelpName = "TOKEN" };
    private readonly Option<string?> _zig = Options.Zig();
    private readonly Option<bool> _json = Options.Json();

    public static Command Create(VerbContext context)
    {
        var verb = new CheckVerb();
        var command = new Command("check", "Run your own program in a fiber, with splits, faults and both: compare with its unsplit build, shrink what fails")
        {
            verb._file, verb._options, verb._entry, verb._routes, verb._modes, verb._budget, verb._plan, verb._zig, verb._json,
        };
        command.SetAction((result, ct) => verb.RunAsync(context, result, ct));
        return command;
    }

    private async Task<int> RunAsync(VerbContext context, ParseResult result, CancellationToken ct)
    {
        var (path, entry) = (result.GetValue(_file)!, result.GetValue(_entry)!);
        if (!File.Exists(path))
        {
            throw new UsageException($"there is no file {path}");
        }

        if (!ProgramFile.IsName(entry))
        {
            throw new UsageException($"--entry {entry} is not the name of a function; give one of {path}'s, for example main");
        }

        var budget = Budget.Parse(result.GetValue(_budget)!);
        var file = new ProgramFile(Path.GetFullPath(path), entry, [.. result.GetValue(_options) ?? []]);
        (Cell Cell, CheckPlan Plan)? replay = result.GetValue(_plan) is { } token ? CheckToken.Read(token) : null;
        var cells = replay is { } one ? [one.Cell] : Options.CellsOrTwo(result.GetValue(_routes), result.GetValue(_modes));
        var programs = await context.Rooms.OpenCheckedProgramsAsync(Repository.Root(), result.GetValue(_zig), ct).ConfigureAwait(false);
        return await OneCase.WithScratchAsync(async scratch =>
        {
            var outcomes = new List<(Cell Cell, ProgramOutcome Outcome)>();
            foreach (var cell in cells)
            {
                context.Terminal.Error.WriteLine($"compiling for {cell}");
                var directory = Path.Combine(scratch, $"{outcomes.Count}");
                var outcome = replay is { } plan
                    ? await programs.ReplayAsync(file, cell, plan.Plan, directory, ct).ConfigureAwait(false)
                    : await programs.CheckAsync(file, cell, directory, budget / cells.Count, Progress(context.Terminal), ct).ConfigureAwait(false);
                if (outcome is ProgramOutcome.NoEntry none)
                {
                    throw new UsageException($"--entry {entry}: {none.Reason}");
                }

                outcomes.Add((cell, outcome));
                if (!result.GetValue(_json))
                {
                    context.Terminal.Out.Write(CheckText.Of(path, entry, cell, outcome));
                }
            }

            var code = CodeOf(outcomes);
            context.Terminal.Out.Write(result.GetValue(_json) ? JsonSerializer.Serialize(CheckText.Fields(outcomes), CaseText.JsonOptions) + "\n" : CheckText.Ending(outcomes, code));
            return code;
        }).ConfigureAwait(false);
    }

    private static int CodeOf(IReadOnlyList<(Cell Cell, ProgramOutcome Outcome)> outcomes)
    {
        var all = outcomes.Select(o => o.Outcome).ToList();
        var compared = all.OfType<ProgramOutcome.Checked>().Select(c => c.Outcome).OfType<CheckOutcome.Compared>().ToList();
        return compared.Exists(c => c.Findings.Length > 0) || all.Exists(o => o is ProgramOutcome.Replayed { Judgement.Differences.Length: > 0 }) ? ExitCodes.Falsified
            : all.Exists(o => o is ProgramOutcome.Unusable) ? ExitCodes.Environment
            : all.TrueForAll(HasHeld) ? ExitCodes.Held
            : ExitCodes.Inconclusive;
    }

    private static bool HasHeld(ProgramOutcome outcome) => outcome switch
    {
        ProgramOutcome.Checked { Outcome: CheckOutcome.Compared compared } => compared is { Counts.Splits: > 0, Unsteady.Length: 0 },
        ProgramOutcome.Replayed replayed => replayed.Judgement.Unjudged is null,
        _ => false,
    };

    /// <summary>How far it is, on one line that is rewritten.</summary>
    private static Action<string> Progress(Terminal terminal) => text =>
    {
        if (terminal.IsLive)
        {
            terminal.Error.Write($"\r{text}\e[K");
        }
    };
}
