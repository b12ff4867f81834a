using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Binary.Unwind.Audit;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Abi;

namespace Harness.Verification.Observations;

/// <summary>Makes the observations: small programs are built and run, LLVM's code for a few functions is read.</summary>
public sealed partial class ObservationLab(FixtureLayout fixtures, ToolCache cache, ChildProcess processes)
{
    private const string Failed = "could not be observed: ";
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(3);
    private readonly AbiBuilder _assembler = new(fixtures, cache);

    /// <summary>Of all observations, in order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "frame-pointer-walk", "probe-stack-rows", "split-varargs", "split-alloca-compare", "split-alloca-slot-windows", "split-realigned-frame", "split-attribute-aarch64", "hidden-return",
        "selfhosted-c-convention",
    ];

    /// <param name="fingerprint">Of the same compiler; null: it was not measured.</param>
    /// <param name="only">Names of observations; null: all.</param>
    /// <exception cref="ToolchainException">The launcher does not build.</exception>
    public async Task<ImmutableArray<ReleaseFact>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct, IReadOnlyCollection<string>? only = null)
    {
        var observed = ImmutableArray.CreateBuilder<ReleaseFact>();
        foreach (var (name, what, measure) in All(fingerprint))
        {
            if (only is null || only.Contains(name))
            {
                observed.Add(new ReleaseFact(name, what, await measure(Path.Combine(directory, name), ct).ConfigureAwait(false)));
            }
        }

        return observed.ToImmutable();
    }

    private (string Name, string What, Func<string, CancellationToken, Task<string>> Measure)[] All(AbiFingerprint? fingerprint) =>
    [
        (Names[0], "std.debug's walk along frame pointers", WalkAsync),
        (Names[1], "unwind rows of __zig_probe_stack", ProbeStackAsync),
        (Names[2], "the split-stack attribute on a variadic function", VarargsAsync),
        (Names[3], "the comparison for stack of a size known at run time", CompareAsync),
        (Names[4], "the limit slots of a function with such stack for Windows", WindowsAsync),
        (Names[5], "the check of a realigned frame", RealignedAsync),
        (Names[6], "the split-stack attribute on aarch64", ForeignAsync),
        (Names[7], "an error that morestack returns on a function's behalf", HiddenReturnAsync),
        (Names[8], "callconv(.c) of the self-hosted backend", (_, _) => Task.FromResult(Departures(fingerprint))),
    ];

    private async Task<string> WalkAsync(string directory, CancellationToken ct)
    {
        if (await BuildAsync("compat/walk.zig", OptimizeMode.Debug, directory, ct).ConfigureAwait(false) is not (string program, null))
        {
            return Failed + "it does not build";
        }

        var request = new ProcessRequest
        {
            File = program, Timeout = TimeSpan.FromSeconds(20), OutputCapBytes = 1 << 16,
            Limits = new ResourceLimits { MemoryBytes = 4L << 30, CpuSeconds = 15, FileSizeBytes = 0, Confinement = Confinement.Alone },
        };
        return await processes.RunAsync(request, ct).ConfigureAwait(false) is ProcessOutcome.Exited { Code: 0, Output.Stdout: [>= '0' and <= '9' and var above, ' ', >= '0' and <= '9' and var below, '\n'] }
            ? $"of 8 frames finds {above} with callers above, {below} with callers below"
            : Failed + "the program does not end well";
    }

    private async Task<string> ProbeStackAsync(string directory, CancellationToken ct)
    {
        if (await BuildAsync("compat/large_frame.zig", OptimizeMode.ReleaseSafe, directory, ct).ConfigureAwait(false) is not (string program, null))
        {
            return Failed + "it does not build";
        }

        const string function = "__zig_probe_stack";
        try
        {
            var file = ElfFile.Load(program);
            var report = UnwindAudit.Run(file);
            var contradicted = report.Findings.Select(finding => finding.Function).Concat(report.Excused.Where(e => e.Finding.Kind is not FindingKind.Outdated).Select(e => e.Finding.Function)).Contains(function);
            return contradicted ? "contradict the code" : file.Symbols.Any(symbol => symbol.Name == function) ? "agree with the code" : "are not needed: no such function";
        }
        catch (InvalidDataException e)
        {
            return Failed + e.Message;
        }
    }

    private async Task<string> VarargsAsync(string directory, CancellationToken ct)
    {
        var (assembly, problem) = await _assembler.AssembleAsync("define void @f(i32 %n, ...) \"split-stack\" { ret void }\n", Cell.LinuxGnu, directory, ct).ConfigureAwait(false);
        return assembly is not null ? "compiles" : problem!.Contains("do not support vararg", StringComparison.Ordinal) ? "fatal error in LLVM" : Failed + problem.Split('\n')[0];
    }

    private const string Dynamic = """
        declare void @use(ptr)
        define void @f(i64 %n) "split-stack" {
          %p = alloca i8, i64 %n
          call void @use(ptr %p)
          ret void
        }
        """;

    private async Task<string> CompareAsync(string directory, CancellationToken ct)
    {
        var (assembly, problem) = await _assembler.AssembleAsync(Dynamic, Cell.LinuxGnu, directory, ct).ConfigureAwait(false);
        return assembly is null ? Failed + problem!.Split('\n')[0]
            : Second().Match(assembly) is not { Success: true } match ? "there is none"
            : match.Groups["jump"].Value is "jg" or "jge" or "jl" or "jle" ? "signed" : "unsigned";
    }

    private async Task<string> WindowsAsync(string directory, CancellationToken ct)
    {
        var (assembly, problem) = await _assembler.AssembleAsync(Dynamic, "x86_64-windows-gnu", directory, ct).ConfigureAwait(false);
        return assembly is null
            ? Failed + problem!.Split('\n')[0]
            : string.Join(" beside ", Slots().Matches(assembly).Select(slot => $"{slot.Groups["segment"].Value}:0x{int.Parse(slot.Groups["offset"].ValueSpan, CultureInfo.InvariantCulture):x}").Distinct().Order(StringComparer.Ordinal));
    }

    private async Task<string> RealignedAsync(string directory, CancellationToken ct)
    {
        const string ir = """
            declare void @use(ptr)
            define void @f() "split-stack" {
              %p = alloca [64 x i8], align 4096
              call void @use(ptr %p)
              ret void
            }
            """;
        var (assembly, problem) = await _assembler.AssembleAsync(ir, Cell.LinuxGnu, directory, ct).ConfigureAwait(false);
        return assembly is null ? Failed + problem!.Split('\n')[0]
            : Asked().Match(assembly) is { Success: true } match ? $"asks for {match.Groups["bytes"].Value} bytes for 64 aligned to 4096" : "asks for no number of bytes";
    }

    private async Task<string> ForeignAsync(string directory, CancellationToken ct)
    {
        var (assembly, problem) = await _assembler.AssembleAsync(
            Dynamic.Replace("alloca i8, i64 %n", "alloca [512 x i8]", StringComparison.Ordinal), "aarch64-linux-gnu", directory, ct).ConfigureAwait(false);
        return assembly is null ? $"refused: {problem!.Split('\n')[0]}" : assembly.Contains("morestack", StringComparison.Ordinal) ? "has a check" : "ignored in silence";
    }

    private async Task<string> HiddenReturnAsync(string directory, CancellationToken ct)
    {
        var builder = new WorkerBuilder(fixtures, cache, HiddenReturn.Recipe, HiddenReturn.Options);
        var unit = Emit.ZigEmitter.Emit([]) with { Source = await File.ReadAllTextAsync(fixtures.PathOf(HiddenReturn.Source), ct).ConfigureAwait(false) };
        var outcome = await builder.BuildAsync(unit, new Cell(Route.Thunk, OptimizeMode.ReleaseFast, Backend.Llvm), directory, ct).ConfigureAwait(false);
        if (outcome is not BuildOutcome.Built built)
        {
            return Failed + "it does not build";
        }

        var request = new ProcessRequest
        {
            File = built.WorkerPath, Timeout = TimeSpan.FromSeconds(30), OutputCapBytes = 1 << 20,
            Limits = new ResourceLimits { MemoryBytes = 4L << 30, CpuSeconds = 20, FileSizeBytes = 0, Confinement = Confinement.Alone },
        };
        if (await processes.RunAsync(request, ct).ConfigureAwait(false) is not ProcessOutcome.Exited { Code: 0, Output.Stdout: var text })
        {
            return Failed + "the program does not end well";
        }

        var shapes = text.Split('\n').Where(line => line.StartsWith("hidden ", StringComparison.Ordinal)).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"lost in {shapes.Count(line => line.Contains(" lost", StringComparison.Ordinal))} of {shapes.Count} shapes in ReleaseFast");
    }

    /// <summary>There is one C convention for a target; a backend that departs from it cannot call C.</summary>
    internal static string Departures(AbiFingerprint? fingerprint)
    {
        var own = fingerprint?.Cells.FirstOrDefault(cell => cell is { Cell: "selfhosted/Debug", Problem: null });
        var llvm = fingerprint?.Cells.FirstOrDefault(cell => cell is { Cell: "llvm/ReleaseFast", Problem: null });
        if (own is null || llvm is null)
        {
            return Failed + "no fingerprint";
        }

        var theirs = llvm.Facts.Where(fact => fact.Convention == ".c").ToDictionary(fact => fact.Key, fact => fact.Value);
        var common = own.Facts.Where(fact => fact is { Topic: AbiTopic.Arguments or AbiTopic.Result, Convention: ".c" } && theirs.ContainsKey(fact.Key)).ToList();
        return string.Create(CultureInfo.InvariantCulture, $"departs from LLVM's in {common.Count(fact => theirs[fact.Key] != fact.Value)} of {common.Count} signatures");
    }

    private async Task<(string? Program, string? Problem)> BuildAsync(string source, OptimizeMode mode, string directory, CancellationToken ct)
    {
        directory = Directory.CreateDirectory(directory).FullName;
        var program = Path.Combine(directory, "program");
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var result = await compiler.CompileAsync(
            ["build-exe", "-target", Cell.LinuxGnu, "-lc", "-O", mode.ToString(), "-fno-strip", "-fno-omit-frame-pointer", fixtures.PathOf(source), "-femit-bin=" + program], directory, _timeout, ct)
            .ConfigureAwait(false);
        return result is ZigResult.Done ? (program, null) : (null, result.ToString());
    }

    [GeneratedRegex(@"cmpq\s+%r\w+, %fs:\d+\s+(?<jump>j[a-z]+)\s", RegexOptions.ExplicitCapture)]
    private static partial Regex Second();

    [GeneratedRegex(@"%(?<segment>[fg]s):(?<offset>\d{1,9})\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Slots();

    [GeneratedRegex(@"leaq\s+-(?<bytes>\d{1,9})\(%rsp\), %r1[01]", RegexOptions.ExplicitCapture)]
    private static partial Regex Asked();
}
