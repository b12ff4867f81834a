using System.Collections.Immutable;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>
/// One build of one unit: the steps of all routes, their timings, and the first thing that went wrong.
/// </summary>
internal sealed class UnitBuild(
    ZigCommand compiler, FixtureLayout fixtures, Cell cell, string directory, BuildOptions options, TimeProvider time,
    CancellationToken ct)
{
    private const string ObjectName = "unit.o";
    private const string RawObjectName = "unit.raw.o";
    private const string IrName = "unit.ll";
    private const string SplitIrName = "unit.split.ll";
    private const string AssemblyName = "unit.s";
    private const string SplitAssemblyName = "unit.split.s";
    private readonly InjectionOptions _injection = options.Injection with { LimitSlot = RuntimeRecipe.LimitSlotOf(cell) };

    public Cell Cell => cell;

    public BuildTimings Timings { get; private set; } = BuildTimings.Zero;

    /// <summary>Set when a step returned nothing.</summary>
    public BuildOutcome? Failure { get; private set; }

    public string PathOf(string name) => Path.Combine(directory, name);

    /// <summary>
    /// Source → optimised IR → attribute added → code generation alone → notes dropped, checks looked for.
    /// </summary>
    public async Task<InjectionReport?> ByAttributeAsync()
    {
        string[] emit = ["-fllvm", "-femit-llvm-ir=" + PathOf(IrName), "-fno-emit-bin"];
        if (!await CompileAsync(emit).ConfigureAwait(false))
        {
            return null;
        }

        var ir = await RewriteAsync(async () =>
        {
            var text = await File.ReadAllTextAsync(PathOf(IrName), ct).ConfigureAwait(false);
            var result = SplitStackIr.Rewrite(text, _injection, options.KeepVariables);
            await File.WriteAllTextAsync(PathOf(SplitIrName), result.Text, ct).ConfigureAwait(false);
            return result;
        }).ConfigureAwait(false);
        // Zig has optimised already: code generation alone, at the level that Zig uses itself.
        string[] codegen = [Level, "-Xclang", "-disable-llvm-passes", "-Wno-override-module", "-fno-addrsig"];
        if (ir is null || !await ClangAsync("code generation", codegen, SplitIrName, RawObjectName).ConfigureAwait(false))
        {
            return null;
        }

        return await RewriteObjectAsync(file => SplitCheckAudit.Run(file, ir.Unsplit, _injection))
            .ConfigureAwait(false);
    }

    /// <summary>Source → object → thunks.</summary>
    public async Task<InjectionReport?> ByThunksAsync()
    {
        // LLVM's assembler resolves calls within a section; with one section per function each call is a relocation.
        string[] backend = cell.Backend is Backend.Llvm ? ["-fllvm", "-ffunction-sections"] : ["-fno-llvm"];
        return await CompileAsync([.. backend, "-femit-bin=" + PathOf(RawObjectName)]).ConfigureAwait(false)
            ? await RewriteObjectAsync(file => ThunkInjector.Inject(file, _injection)).ConfigureAwait(false)
            : null;
    }

    /// <summary>
    /// Source → assembly → object, in which functions are measured → checks inserted into the assembly → object, in which
    /// checks are looked for.
    /// </summary>
    public async Task<InjectionReport?> ByAssemblyAsync()
    {
        string[] emit = ["-fllvm", "-femit-asm=" + PathOf(AssemblyName), "-fno-emit-bin"];
        if (!await CompileAsync(emit).ConfigureAwait(false)
            || !await ClangAsync("assembling", [], AssemblyName, RawObjectName).ConfigureAwait(false))
        {
            return null;
        }

        var plan = await RewriteAsync(async () =>
        {
            var result = InlineCheckPlan.Of(ElfFile.Load(PathOf(RawObjectName)), _injection);
            var text = await File.ReadAllTextAsync(PathOf(AssemblyName), ct).ConfigureAwait(false);
            var split = SplitAssembly.Insert(text, result.Checks, _injection.LimitSlot);
            await File.WriteAllTextAsync(PathOf(SplitAssemblyName), split, ct).ConfigureAwait(false);
            return result;
        }).ConfigureAwait(false);
        if (plan is null || !await ClangAsync("assembling", [], SplitAssemblyName, ObjectName).ConfigureAwait(false))
        {
            return null;
        }

        return await RewriteAsync(() => Task.FromResult(
            InlineCheckAudit.Run(ElfFile.Load(PathOf(ObjectName)), plan.Unsplit, _injection))).ConfigureAwait(false);
    }

    /// <summary>Links the unit with the runtime's objects into the worker.</summary>
    public async Task<bool> LinkAsync(ImmutableArray<string> runtime)
    {
        string[] arguments =
        [
            "build-exe", "-target", cell.Target, PathOf(ObjectName), .. runtime,
            .. CLibrary, .. Linkage, "--eh-frame-hdr", "-fno-ubsan-rt", "-fcompiler-rt",
            "-femit-bin=" + PathOf(WorkerBuilder.WorkerName),
        ];
        var result = await compiler.CompileAsync(arguments, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Link = result.Elapsed };
        return Succeeded(result, "link: ");
    }

    /// <summary>Proves of the program, as it was linked, that every function is entered through a check and that what runs unchecked fits.</summary>
    public Task<SlackReport?> AuditSlackAsync(InjectionReport injection) => RewriteAsync(
        () =>
        {
            // Functions of one name: each is left out, or the object was rejected.
            var unsplit = injection.Unsplit.GroupBy(f => f.Name).ToDictionary(group => group.Key, group => group.First().Reason);
            var request = new SlackRequest(_injection.LimitSlot, RuntimeRecipe.SlackBytes, unsplit) { Functions = injection.Functions };
            var report = SlackAudit.Run(ElfFile.Load(PathOf(WorkerBuilder.WorkerName)), request);
            return report.Holds
                ? Task.FromResult(report)
                : throw new InvalidDataException($"{cell}: {report.Findings[0]}{(report.Findings.Length > 1 ? $" (and {report.Findings.Length - 1} more)" : "")}");
        },
        "stack: ");

    public void DeleteIntermediates()
    {
        foreach (var name in new[] { ObjectName, RawObjectName, IrName, SplitIrName, AssemblyName, SplitAssemblyName })
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
        // Options of a module come before it: after `-Mroot=` a -target would be another module's, the unit the host's.
        string[] arguments =
        [
            "build-obj", "-target", cell.Target, "-O", cell.Mode.ToString(), .. CLibrary, "-fno-strip",
            "-fno-omit-frame-pointer", .. emit,
            "--dep", "rt", "-Mroot=" + PathOf("unit.zig"), "-Mrt=" + fixtures.Support,
        ];
        var result = await compiler.CompileAsync(arguments, directory, options.Timeout, ct).ConfigureAwait(false);
        Timings = Timings with { Compile = result.Elapsed };
        return Succeeded(result, "");
    }

    private string Level => cell.Mode is OptimizeMode.Debug ? "-O0" : "-O3";

    private string[] CLibrary => cell.Target is Cell.LinuxBare ? [] : ["-lc"];

    private string[] Linkage => cell.Target is Cell.LinuxGnu ? [] : ["-static"];

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

    private Task<InjectionReport?> RewriteObjectAsync(Func<ElfFile, (byte[] Object, InjectionReport Report)> change) =>
        RewriteAsync(async () =>
    {
        var (bytes, report) = change(ElfFile.Load(PathOf(RawObjectName)));
        await File.WriteAllBytesAsync(PathOf(ObjectName), bytes, ct).ConfigureAwait(false);
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
