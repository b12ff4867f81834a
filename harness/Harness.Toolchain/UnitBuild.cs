using System.Collections.Immutable;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Model;
using Harness.Toolchain.Runtimes;

namespace Harness.Toolchain;

/// <summary>
/// One build of one unit: the steps of all routes, their timings, and the first thing that went wrong.
/// </summary>
internal sealed class UnitBuild(
    ZigCommand compiler, FixtureLayout fixtures, Cell cell, string directory, BuildOptions options, TimeProvider time,
    CancellationToken ct)
{
    /// <summary>What comes of a route: its functions have checks.</summary>
    public const string ObjectName = "unit.o";

    /// <summary>What the thunk route begins with.</summary>
    public const string RawObjectName = "unit.raw.o";

    /// <summary>What the attribute route begins with.</summary>
    public const string IrName = "unit.ll";

    /// <summary>What the assembly route begins with.</summary>
    public const string AssemblyName = "unit.s";
    private const string PlainIrName = "unit.plain.ll";
    private const string PlainObjectName = "unit.plain.o";
    private const string SplitIrName = "unit.split.ll";
    private const string SplitAssemblyName = "unit.split.s";
    private readonly InjectionOptions _injection = options.Injection;

    public Cell Cell => cell;

    public BuildTimings Timings { get; private set; } = BuildTimings.Zero;

    /// <summary>Set when a step returned nothing.</summary>
    public BuildOutcome? Failure { get; private set; }

    /// <summary>What was linked, once its stack use was proven.</summary>
    public ElfFile? Worker { get; private set; }

    public string PathOf(string name) => Path.Combine(directory, name);

    /// <summary>Source → what the cell's route puts its checks into.</summary>
    public Task<bool> CompileAsync() => cell.Route is Route.Command ? CommandAsync() : CompileAsync(cell switch
    {
        { Route: Route.Attribute } => ["-fllvm", "-femit-llvm-ir=" + PathOf(IrName), "-fno-emit-bin"],
        { Route: Route.Assembly } => ["-fllvm", "-femit-asm=" + PathOf(AssemblyName), "-fno-emit-bin"],
        // LLVM's assembler resolves calls within a section; with one section per function each call is a relocation.
        { Backend: Backend.Llvm } => ["-fllvm", "-ffunction-sections", "-femit-bin=" + PathOf(RawObjectName)],
        _ => ["-fno-llvm", "-femit-bin=" + PathOf(RawObjectName)],
    });

    /// <summary>From what <see cref="CompileAsync()"/> made to the object with checks; null: it failed.</summary>
    public Task<InjectionReport?> InjectAsync() => cell.Route switch
    {
        Route.Attribute => ByAttributeAsync(),
        Route.Thunk => RewriteObjectAsync(file => ThunkInjector.Inject(file, _injection)),
        Route.Assembly => ByAssemblyAsync(),
        Route.Command => RewriteAsync(() => Task.FromResult(CommandAudit.Run(ElfFile.Load(PathOf(ObjectName)), options.Runtime!.Stub.Begin))),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>Source → object with checks, by the runtime's own command.</summary>
    private async Task<bool> CommandAsync()
    {
        var runtime = options.Runtime ?? throw new ToolchainException($"{cell}: no runtime with a command is given");
        var words = runtime.Fill(new Dictionary<string, string>
        {
            ["in"] = PathOf("unit.zig"), ["out"] = PathOf(ObjectName), ["zig"] = compiler.Installation.Executable, ["rt"] = fixtures.Support,
            ["mode"] = cell.Mode.ToString(), ["target"] = cell.Target, ["folder"] = runtime.Folder,
        });
        var result = await compiler.RunToolAsync(words, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Compile = result.Elapsed };
        return Succeeded(result, "prologue command: ");
    }

    /// <summary>
    /// Frames are known once the code is there: functions that were left out because they ask for their return address, and turn out too large for
    /// that, get the attribute in a second pass. Few units have any.
    /// </summary>
    private async Task<InjectionReport?> ByAttributeAsync()
    {
        var report = await ByAttributeAsync(_injection).ConfigureAwait(false);
        var large = report?.Unsplit.Where(f => f.Reason is UnsplitReason.AsksReturnAddress && _injection.IsTooLarge(f.FrameBytes))
            .Select(f => f.Name).ToHashSet();
        if (large is null or { Count: 0 })
        {
            return report;
        }

        report = await ByAttributeAsync(_injection with { TooLarge = large }).ConfigureAwait(false);
        return report is null ? null : report with { Misled = [.. large.Order(StringComparer.Ordinal)] };
    }

    /// <summary>Optimised IR → attribute added → code generation alone → notes dropped, checks looked for.</summary>
    private async Task<InjectionReport?> ByAttributeAsync(InjectionOptions injection)
    {
        var ir = await RewriteAsync(async () =>
        {
            var text = await File.ReadAllBytesAsync(PathOf(IrName), ct).ConfigureAwait(false);
            var result = SplitStackIr.Rewrite(text, injection, options.KeepVariables);
            await File.WriteAllBytesAsync(PathOf(SplitIrName), result.Text, ct).ConfigureAwait(false);
            return result;
        }).ConfigureAwait(false);
        if (ir is null || !await ClangAsync("code generation", Codegen, SplitIrName, RawObjectName).ConfigureAwait(false))
        {
            return null;
        }

        return await RewriteObjectAsync(file => SplitCheckAudit.Run(file, ir.Unsplit, injection))
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Assembly → object, in which functions are measured → checks inserted into the assembly → object, in which checks are looked
    /// for.
    /// </summary>
    private async Task<InjectionReport?> ByAssemblyAsync()
    {
        if (!await ClangAsync("assembling", [], AssemblyName, RawObjectName).ConfigureAwait(false))
        {
            return null;
        }

        var plan = await RewriteAsync(async () =>
        {
            var result = InlineCheckPlan.Of(ElfFile.Load(PathOf(RawObjectName)), _injection);
            var text = await File.ReadAllTextAsync(PathOf(AssemblyName), ct).ConfigureAwait(false);
            var split = SplitAssembly.Insert(text, result.Checks, _injection.LimitSlot, _injection.Defect);
            await File.WriteAllTextAsync(PathOf(SplitAssemblyName), split, ct).ConfigureAwait(false);
            return result;
        }).ConfigureAwait(false);
        if (plan is null || !await ClangAsync("assembling", [], SplitAssemblyName, ObjectName).ConfigureAwait(false))
        {
            return null;
        }

        return await RewriteAsync(() => Task.FromResult(
            InlineCheckAudit.Run(ElfFile.Load(PathOf(ObjectName)), plan.Unsplit, _injection) with { Misled = [.. plan.Misled] })).ConfigureAwait(false);
    }

    /// <summary>Links the unit as it was before checks were put in: the same code from the same compilation, unsplit.</summary>
    public async Task<bool> LinkPlainAsync(ImmutableArray<string> runtime, string name)
    {
        if (cell.Route is not Route.Attribute)
        {
            return await LinkAsync(runtime, name, RawObjectName).ConfigureAwait(false);
        }

        // Here the raw object has the checks that LLVM wrote: code generation once more, of the same without the attribute.
        var text = await File.ReadAllTextAsync(PathOf(SplitIrName), ct).ConfigureAwait(false);
        await File.WriteAllTextAsync(PathOf(PlainIrName), SplitStackIr.Without(text), ct).ConfigureAwait(false);
        return await ClangAsync("code generation", Codegen, PlainIrName, PlainObjectName).ConfigureAwait(false)
            && await LinkAsync(runtime, name, PlainObjectName).ConfigureAwait(false);
    }

    /// <summary>Links the unit with the runtime's objects into the worker.</summary>
    public async Task<bool> LinkAsync(ImmutableArray<string> runtime, string name = WorkerBuilder.WorkerName, string unit = ObjectName)
    {
        var arguments = RuntimeCommand.Link(cell.Target, PathOf(unit), runtime, options.Libraries, PathOf(name));
        var result = await compiler.CompileAsync(arguments, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Link = result.Elapsed };
        return Succeeded(result, "link: ");
    }

    /// <summary>Proves of the program, as it was linked, that every function is entered through a check and that what runs unchecked fits.</summary>
    public Task<SlackReport?> AuditSlackAsync(InjectionReport injection, long slackBytes) => RewriteAsync(
        () =>
        {
            // Functions of one name: each is left out, or the object was rejected.
            var unsplit = injection.Unsplit.GroupBy(f => f.Name).ToDictionary(group => group.Key, group => group.First().Reason);
            var request = new SlackRequest(_injection.LimitSlot, slackBytes, unsplit) {
                Functions = injection.Functions, Unproven = options.SlackUnproven,
            };
            Worker = ElfFile.Load(PathOf(WorkerBuilder.WorkerName));
            var report = SlackAudit.Run(Worker, request);
            return report.Holds
                ? Task.FromResult(report)
                : throw new InvalidDataException($"{cell}: {report.Findings[0]}{(report.Findings.Length > 1 ? $" (and {report.Findings.Length - 1} more)" : "")}");
        },
        "stack: ");

    public void DeleteIntermediates()
    {
        foreach (var name in new[] { ObjectName, RawObjectName, IrName, SplitIrName, AssemblyName, SplitAssemblyName, PlainIrName, PlainObjectName })
        {
            File.Delete(PathOf(name));
        }

        if (Directory.Exists(PathOf("zig-cache")))
        {
            Directory.Delete(PathOf("zig-cache"), recursive: true);
        }
    }

    private async Task<bool> CompileAsync(string[] emit)
    {
        // Options of a module come before it: after `-Mroot=` a -target would be another module's, the unit the host's. The other
        // modules take theirs from the root.
        List<string> arguments =
        [
            .. options.Tests is null ? ["build-obj"] : options.Tests.Arguments(fixtures), "-target", cell.Target, .. Processor, "-O", cell.Mode.ToString(),
            .. CLibrary, "-fno-strip",
            "-fno-omit-frame-pointer", .. ErrorTracing, .. options.CompilerOptions, .. emit,
        ];
        var modules = RuntimeRecipe.For(options.Modules, _injection.LimitSlot);
        foreach (var (name, source) in options.Tests is null ? modules.Prepend(("root", PathOf("unit.zig"))) : [])
        {
            arguments.AddRange(name == ProgramFile.ModuleName ? options.Program?.OwnOptions ?? [] : []);
            arguments.AddRange(modules.Where(module => module.Name != name).SelectMany(module => (string[])["--dep", module.Name]));
            arguments.Add($"-M{name}={fixtures.PathOf(source)}");
        }

        arguments.AddRange(options.Program?.OtherModules ?? []);

        var result = await compiler.CompileAsync(arguments, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Compile = result.Elapsed };
        return Succeeded(result, "");
    }

    private string[] Processor => options.Processor is { } name ? ["-mcpu", name] : [];

    private string[] ErrorTracing => cell.ErrorTracing ? ["-ferror-tracing"] : [];

    /// <summary>Zig has optimised already: code generation alone, at the level that Zig uses itself.</summary>
    private string[] Codegen => [Level, "-Xclang", "-disable-llvm-passes", "-Wno-override-module", "-fno-addrsig"];

    private string Level => cell.Mode is OptimizeMode.Debug ? "-O0" : "-O3";

    private string[] CLibrary => cell.Target is Cell.LinuxBare ? [] : ["-lc"];

    /// <summary>Zig's clang: code generation from IR, or assembling.</summary>
    private async Task<bool> ClangAsync(string stage, string[] flags, string source, string output)
    {
        string[] arguments =
        [
            "clang", "-c", "-target", cell.Target, "-fno-crash-diagnostics", .. flags, PathOf(source), "-o", PathOf(output),
        ];
        var result = await compiler.RunAsync(arguments, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Codegen = Timings.Codegen + result.Elapsed };
        return Succeeded(result, stage + ": ");
    }

    private Task<InjectionReport?> RewriteObjectAsync(Func<ElfFile, (ObjectRewriter Object, InjectionReport Report)> change) =>
        RewriteAsync(async () =>
    {
        using var bytes = RentedBytes.Of(PathOf(RawObjectName), ElfLimits.Default.MaxFileBytes);
        var (changed, report) = change(ElfFile.Parse(bytes.Memory, PathOf(RawObjectName)));
        await changed.WriteAsync(PathOf(ObjectName), ct).ConfigureAwait(false);
        return report;
    });

    private async Task<T?> RewriteAsync<T>(Func<Task<T>> step, string stage = "injection: ")
        where T : class
    {
        var started = time.GetTimestamp();
        try
        {
            return await step().ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            Failure = new BuildOutcome.Rejected(stage + e.Message);
            return null;
        }
        finally
        {
            Timings = Timings with { Rewrite = Timings.Rewrite + time.GetElapsedTime(started) };
        }
    }

    private bool Succeeded(ZigResult result, string stage)
    {
        Failure = result switch
        {
            ZigResult.Diagnosed diagnosed => new BuildOutcome.Rejected(stage + diagnosed.Diagnostics),
            ZigResult.Crashed crashed => new BuildOutcome.CompilerCrashed(stage + crashed.Detail),
            ZigResult.TimedOut timedOut => new BuildOutcome.TimedOut(timedOut.Command),
            _ => null,
        };
        return Failure is null;
    }
}
