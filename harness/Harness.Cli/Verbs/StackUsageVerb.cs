using System.CommandLine;
using System.Text.Json;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.Verbs;

/// <summary><c>stack-usage FILE</c>: how much stack calls of a file's functions need, from its machine code; and who needs no bound because it has none.</summary>
internal sealed class StackUsageVerb
{
    private readonly Argument<string> _file = new("FILE") { Description = "A Zig file, an object, or a linked program for x86-64, with symbols" };
    private readonly Argument<string[]> _options = new("OPTIONS") { Description = "After --: for the compiler, as in zig build-exe", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string[]> _entry = Options.Words("--entry", "Functions to begin with (default: of a Zig file its public ones, of an object what others can call, of a program its beginning)", "NAME");
    private readonly Option<string[]> _pointer = Options.Words("--pointer", "Functions to which calls by pointer may go (default: such calls have no bound)", "NAME");
    private readonly Option<bool> _fill = new("--fill") { Description = "Write into FILE, a linked program, what each of its fibers' entries needs: those with Options.upfront get it and never split" };
    private readonly Option<string[]> _routes = Options.Routes();
    private readonly Option<string[]> _modes = Options.Modes();
    private readonly Option<string?> _zig = Options.Zig();
    private readonly Option<string?> _json = new("--json") { Description = "Also write the result as JSON; - for standard output, in place of the table", HelpName = "PATH" };

    public static Command Create(VerbContext context)
    {
        var verb = new StackUsageVerb();
        var command = new Command("stack-usage", "Compute from machine code how much stack calls need at the most, and name what has no bound")
        {
            verb._file, verb._options, verb._entry, verb._pointer, verb._fill, verb._routes, verb._modes, verb._zig, verb._json,
        };
        command.SetAction((result, ct) => verb.RunAsync(context, result, ct));
        return command;
    }

    private async Task<int> RunAsync(VerbContext context, ParseResult result, CancellationToken ct)
    {
        var path = result.GetRequiredValue(_file);
        if (!File.Exists(path))
        {
            throw new UsageException($"there is no file {path}; give a Zig file, an object or a linked program");
        }

        var isSource = path.EndsWith(".zig", StringComparison.Ordinal);
        if (!isSource && (result.GetValue(_routes) is { Length: > 0 } || result.GetValue(_modes) is { Length: > 0 } || result.GetValue(_options) is { Length: > 0 }))
        {
            throw new UsageException($"{path} is no Zig file, so there is nothing to compile: leave out --route, --mode and what follows --");
        }

        var reports = isSource
            ? await FromSourceAsync(context, path, result, ct).ConfigureAwait(false)
            : [(path, result.GetValue(_fill) ? Fill(context.Terminal, path, result) : Analyse(path, result))];
        var target = result.GetValue(_json);
        if (target != "-")
        {
            foreach (var (title, report) in reports)
            {
                context.Terminal.Out.Write(StackUsageText.Of(title, report));
            }
        }

        if (target is not null)
        {
            Write(context.Terminal, target, JsonSerializer.Serialize(reports.Select(r => StackUsageText.Fields(r.Title, r.Report)), CaseText.JsonOptions) + "\n");
        }

        return ExitCodes.Held;
    }

    private async Task<List<(string Title, UsageReport Report)>> FromSourceAsync(VerbContext context, string path, ParseResult result, CancellationToken ct)
    {
        if (result.GetValue(_fill))
        {
            throw new UsageException("--fill writes into a linked program; compile and link the file first");
        }

        var program = new UsageProgram(Path.GetFullPath(path), [.. result.GetValue(_entry) ?? []], [.. result.GetValue(_options) ?? []]);
        var cells = Cells(result.GetValue(_routes), result.GetValue(_modes));
        var builder = await context.Rooms.OpenUsageBuilderAsync(Repository.Root(), result.GetValue(_zig), ct).ConfigureAwait(false);
        return await OneCase.WithScratchAsync(async scratch =>
        {
            var reports = new List<(string, UsageReport)>();
            foreach (var cell in cells)
            {
                context.Terminal.Error.WriteLine($"compiling for {cell}");
                var outcome = await builder.BuildUsageAsync(program, cell, Path.Combine(scratch, $"{reports.Count}"), ct).ConfigureAwait(false);
                var built = outcome as BuildOutcome.Built ?? throw new UsageException($"{path} cannot be used for {cell}: {FirstLine(outcome)}");
                var file = ElfFile.Load(built.WorkerPath);
                var usage = StackUsage.Of(file, result.GetValue(_pointer));
                var names = program.Symbols(usage.Image.Functions.Select(function => function.Name)).ToList();
                reports.Add((cell.ToString(), names.Count > 0 ? usage.Report(names) : throw new UsageException($"{path} has no public function; name one with --entry")));
            }

            return reports;
        }).ConfigureAwait(false);
    }

    /// <summary>By default the two that differ most, as for files of tests.</summary>
    /// <exception cref="UsageException"/>
    private static IReadOnlyList<Cell> Cells(string[]? routes, string[]? modes) => routes is { Length: > 0 } || modes is { Length: > 0 }
        ? Options.Cells(routes, modes, null)
        : [new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), new Cell(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm)];

    private static string FirstLine(BuildOutcome outcome) => outcome switch
    {
        BuildOutcome.Rejected rejected => rejected.Diagnostics.Split('\n')[0],
        BuildOutcome.CompilerCrashed crashed => $"the compiler crashed: {crashed.Detail.Split('\n')[0]}",
        BuildOutcome.TimedOut timedOut => $"no end within the time limit: {timedOut.Command}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private UsageReport Analyse(string path, ParseResult result) => StackUsage.Of(Load(path), result.GetValue(_pointer)).Report(result.GetValue(_entry) ?? []);

    /// <summary>Everything that fibers begin with, and what was written of it.</summary>
    private UsageReport Fill(Terminal terminal, string path, ParseResult result)
    {
        if (result.GetValue(_entry) is { Length: > 0 })
        {
            throw new UsageException("--fill is about all entries of fibers: leave out --entry");
        }

        var file = Load(path);
        var usage = StackUsage.Of(file, result.GetValue(_pointer));
        var (program, slots) = BoundSlots.Fill(file, usage);
        Replace(path, program);
        terminal.Error.WriteLine($"{path}: {slots.Count(slot => slot.Bytes is not null)} of {slots.Count} entries have a bound, and get it up front; the others split");
        return usage.Report([.. slots.Select(slot => slot.Usage.Name).Distinct()]);
    }

    /// <summary>In one step: a program that runs keeps its file, one that is started sees all of it or nothing.</summary>
    private static void Replace(string path, byte[] program)
    {
        var beside = path + ".filled";
        try
        {
            File.WriteAllBytes(beside, program);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(beside, File.GetUnixFileMode(path));
            }

            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be written: {e.Message}");
        }
    }

    private static ElfFile Load(string path)
    {
        try
        {
            return ElfFile.Load(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentUnusableException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static void Write(Terminal terminal, string target, string json)
    {
        if (target == "-")
        {
            terminal.Out.Write(json);
            return;
        }

        try
        {
            File.WriteAllText(target, json);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--json {target} cannot be written: {e.Message}");
        }
    }
}
