using System.CommandLine;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>run</c>: a campaign.</summary>
internal static class RunVerb
{

    public static Command Create(VerbContext context)
    {
        var options = new RunOptions();
        var command = new Command("run", "Run a campaign: generate, compile, run, check, shrink, report");
        options.AddTo(command);
        command.SetAction((result, ct) => RunAsync(context, options, result, ct));
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, RunOptions options, ParseResult result, CancellationToken ct)
    {
        var layout = Options.Layout(Repository.Root(), result.GetValue(options.Results));
        var resumed = result.GetResult(options.Resume) is null ? null : Resumable.Find(layout, result.GetValue(options.Resume));
        var request = resumed is null
            ? options.Request(context, result, layout)
            : RunRequest.Of(resumed.Settings, result.GetValue(options.Zig), layout, result.GetValue(options.KeepRegressions));
        if (resumed is not null)
        {
            options.RefuseOverrides(result);
        }

        return await SeeThroughAsync(context, request, resumed, result.GetValue(options.Json), ct).ConfigureAwait(false);
    }

    /// <summary>Runs it, or goes on with it, and prints the verdict; <c>exhaust</c> does the same.</summary>
    /// <returns>The exit code.</returns>
    internal static async Task<int> SeeThroughAsync(VerbContext context, RunRequest request, Resumable? resumed, bool json, CancellationToken ct)
    {
        var options = new RoomOptions(Repository.Root(), request.Zig, request.Placements, request.Jobs, request.Defect, request.Runtime?.Runtime);
        var rooms = await context.Rooms.OpenAsync(options, ct).ConfigureAwait(false);
        var session = new RunSession(context.Terminal, request, rooms);
        var (run, summary) = resumed is null
            ? await session.StartAsync(ct).ConfigureAwait(false)
            : (resumed.Run, await session.ResumeAsync(resumed.Run, resumed.Journal, ct).ConfigureAwait(false));
        context.Terminal.Out.Write(json ? summary.ToJson() : ConsoleReport.Render(summary, Repository.Shown(run.Path)));
        if (summary.Ending is "failed" or "unwritable")
        {
            context.Terminal.Complain(summary.EndingDetail);
        }

        return summary.ExitCode;
    }

    /// <summary>The options of <c>run</c>.</summary>
    private sealed class RunOptions
    {
        private readonly Option<string?> _budget = new("--budget") { Description = "How long to run: 60s, 10m, 8h (default: 60s, unless --programs is given)", HelpName = "TIME" };
        private readonly Option<int?> _programs = new("--programs") { Description = "How many programs to check, each in every selected cell; the counters then depend on the seed alone", HelpName = "N" };
        private readonly Option<string?> _seed = new("--seed") { Description = "The seed of everything random (default: a new one)", HelpName = "S" };
        private readonly Option<string?> _profile = new("--profile") { Description = "A named profile of the generators for every program (default: every fourth program has every feature, the others a random half)", HelpName = "NAME" };
        private readonly Option<string[]> _route = Options.Routes();
        private readonly Option<string[]> _mode = Options.Modes();
        private readonly Option<string[]> _target = Options.Targets();
        private readonly Option<string[]> _placement = Options.Words("--placement", "Only this placement of segments: descending, ascending or interleaved", "PLACE");
        private readonly Option<int> _jobs = Options.Jobs();

        private readonly Option<string?> _defect = Options.Defect();
        private readonly Option<string?> _shard = Options.Shard();
        private readonly Option<string?> _runtime = Options.Runtime();

        public Option<string?> Zig { get; } = Options.Zig();

        public Option<string?> Results { get; } = Options.Results();

        public Option<bool> Json { get; } = Options.Json();

        public Option<bool> KeepRegressions { get; } = new("--keep-regressions") { Description = "Copy each confirmed finding to results/regressions" };

        public Option<string?> Resume { get; } = new("--resume")
        {
            Description = "Go on with a run that was interrupted: its name, or nothing for the latest", HelpName = "RUN", Arity = ArgumentArity.ZeroOrOne,
        };

        public void AddTo(Command command)
        {
            foreach (var option in (Option[])[_budget, _programs, _seed, _profile, _route, _mode, _target, _placement, _defect, _shard, _runtime, Zig, _jobs, Results, Resume, KeepRegressions, Json])
            {
                command.Add(option);
            }
        }

        /// <exception cref="UsageException"/>
        public RunRequest Request(VerbContext context, ParseResult result, ResultsLayout layout)
        {
            var programs = result.GetValue(_programs);
            var budget = result.GetValue(_budget) is { } text ? Budget.Parse(text) : (TimeSpan?)null;
            if (programs is not null && budget is not null)
            {
                throw new UsageException("--budget and --programs exclude each other; give one");
            }

            var runtime = ChosenRuntime.Find(result.GetValue(_runtime));
            var placements = Options.Parse<Placement>("--placement", result.GetValue(_placement));
            var cells = runtime is null
                ? Options.Cells(result.GetValue(_route), result.GetValue(_mode), result.GetValue(_target))
                : runtime.Cells(Options.Parse<Route>("--route", result.GetValue(_route)), Options.Parse<OptimizeMode>("--mode", result.GetValue(_mode)));
            if (runtime is not null)
            {
                runtime.Refuse((_placement, result), (_target, result), (_defect, result));
                (layout, placements) = (layout with { Runtime = runtime.Runtime.Name }, [Placement.Pool]);
            }

            return new RunRequest(
                Seed(result.GetValue(_seed)), programs is null ? budget ?? RunRequest.DefaultBudget : null,
                programs is { } n ? Options.AtLeastOne("--programs", n) : null,
                Profile(context, result.GetValue(_profile)), cells,
                placements.Count > 0 ? placements : Enum.GetValues<Placement>(),
                result.GetValue(Zig), Options.AtLeastOne("--jobs", result.GetValue(_jobs)), layout, result.GetValue(KeepRegressions),
                string.Join(' ', context.Arguments.Select(Shell.Quote).Prepend("scripts/harness")),
                Options.Defect(result.GetValue(_defect)), Options.Shard(result.GetValue(_shard)), runtime);
        }

        /// <summary>A resumed run keeps its own settings; others would make its journal lie.</summary>
        public void RefuseOverrides(ParseResult result)
        {
            foreach (var option in (Option[])[_budget, _programs, _seed, _profile, _route, _mode, _target, _placement, _defect, _shard, _runtime])
            {
                if (result.GetResult(option) is { Implicit: false })
                {
                    throw new UsageException($"{option.Name} cannot be changed by --resume; the run goes on with its own settings");
                }
            }
        }

        private static ulong Seed(string? text) => text switch
        {
            null => RunRequest.DrawSeed(),
            _ when ulong.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var seed) => seed,
            _ => throw new UsageException($"--seed {text} is not a seed; give a whole number from 0 to {ulong.MaxValue}"),
        };

        private static string? Profile(VerbContext context, string? name) =>
            name is null || context.Rooms.Programs.Profiles.Contains(name)
                ? name
                : throw new UsageException($"--profile {name} is unknown; known: {string.Join(", ", context.Rooms.Programs.Profiles)}");
    }
}
