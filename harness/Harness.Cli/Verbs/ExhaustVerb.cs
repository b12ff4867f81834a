using System.CommandLine;
using System.Globalization;
using Harness.Generators.Exhaustive;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>exhaust --size N</c>: every program up to a size, with every set of splits and every fault. A campaign like <c>run</c> otherwise.</summary>
internal static class ExhaustVerb
{
    private const int DefaultSize = 2;

    public static Command Create(VerbContext context)
    {
        var size = new Option<int>("--size") { Description = $"Statements of a program, at most: 0 to {SmallScope.MaxSize}", HelpName = "N", DefaultValueFactory = _ => DefaultSize };
        var count = new Option<bool>("--count") { Description = "Only say how many programs there are, and what they leave out" };
        var route = Options.Routes();
        var mode = Options.Modes();
        var target = Options.Targets();
        var jobs = Options.Jobs();
        var defect = Options.Defect();
        var shard = Options.Shard();
        var zig = Options.Zig();
        var results = Options.Results();
        var json = Options.Json();
        var command = new Command("exhaust", "Check every program up to a size, with every set of splits and every fault");
        foreach (var option in (Option[])[size, count, route, mode, target, defect, shard, zig, jobs, results, json])
        {
            command.Add(option);
        }

        command.SetAction((result, ct) =>
        {
            var statements = Size(result.GetValue(size));
            var programs = SmallScopeProfile.Programs(statements).Count;
            if (result.GetValue(count))
            {
                context.Terminal.Out.Write(Counted(statements, programs));
                return Task.FromResult(ExitCodes.Held);
            }

            var request = new RunRequest(
                0, null, programs, SmallScopeProfile.Of(statements), Options.Cells(result.GetValue(route), result.GetValue(mode), result.GetValue(target)),
                Enum.GetValues<Placement>(), result.GetValue(zig), Options.AtLeastOne("--jobs", result.GetValue(jobs)),
                Options.Layout(Repository.Root(), result.GetValue(results)), KeepRegressions: false,
                string.Join(' ', context.Arguments.Select(Shell.Quote).Prepend("scripts/harness")), Options.Defect(result.GetValue(defect)),
                Options.Shard(result.GetValue(shard)));
            return RunVerb.SeeThroughAsync(context, request, null, result.GetValue(json), ct);
        });
        return command;
    }

    /// <exception cref="UsageException"/>
    private static int Size(int size) => size is >= 0 and <= SmallScope.MaxSize
        ? size
        : throw new UsageException($"--size {size} is not a size; give 0 to {SmallScope.MaxSize}");

    private static string Counted(int size, int programs) => string.Create(
        CultureInfo.InvariantCulture,
        $"{programs:N0} programs of up to {size} statements; left out:\n{string.Concat(SmallScope.Excludes.Select(left => $"  {left}\n"))}");
}
