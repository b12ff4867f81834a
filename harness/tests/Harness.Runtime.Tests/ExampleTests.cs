using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// The product's worked example (<c>zig-fixtures/runtime/example</c>), as its README says: compiled as any program is, checks put in by
/// <see cref="FileInjector"/>, which is what <c>harness inject</c> runs. Its output is the README's, traces and all.
/// </summary>
public sealed class ExampleTests : IDisposable
{
    private const string Folder = "runtime/example";

    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(4);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute)]
    [InlineData(Route.Thunk)]
    public async Task Every_way_to_end_leaves_nothing_behind_and_prints_the_trace_that_the_readme_shows(Route route)
    {
        var program = await BuildAsync(route);
        AssertReserveSuffices(program);
        AssertRowsHold(program);
        var outcome = await Tools.RunAsync(program);

        var exited = Assert.IsType<ProcessOutcome.Exited>(outcome);
        Assert.Equal(Stable(Readme()), Stable(exited.Output.Stdout));
        Assert.Equal(0, exited.Code);
    }

    /// <summary>Unwind rows of the product's entries, and of everything that is linked with them, against their code.</summary>
    private static void AssertRowsHold(string program)
    {
        var findings = Binary.Unwind.Audit.UnwindAudit.Run(Binary.ElfFile.Load(program)).Findings;
        Assert.Equal("", string.Join('\n', findings));
    }

    /// <summary>
    /// Computed from the program's own call graph (docs/RESERVE.md): the reserve that the example gives is enough for all of it, clean-ups that
    /// recurse among it. Of the function that is there to have no checkpoint there is no such number.
    /// </summary>
    private static void AssertReserveSuffices(string program)
    {
        var file = Binary.ElfFile.Load(program);
        string[] functions = ["handle", "sort", "load", "stack", "tidy", "tidyAfterwards", "tidyAfterAnError", "waitForever", "shutTheGate", "shut"];
        string[] entries = [.. functions.Select(name => "parcels." + name), "prelude.acquire", "prelude.release"];
        var report = Binary.StackUse.ReserveAnalysis.Run(file, entries, ["prelude.giveBack"]);
        var given = long.Parse(Regex.Match(File.ReadAllText(Source("main.zig")), @"const reserve_bytes = (\d+) << 10;").Groups[1].Value) << 10;
        Assert.InRange(Assert.NotNull(report.ReserveBytes), 2560, given);

        var endless = Binary.StackUse.ReserveAnalysis.Run(file, ["parcels.pile"]);
        Assert.Null(endless.ReserveBytes);
        Assert.Contains(endless.Unbounded, reason => reason is Binary.StackUse.Unbounded.Recursion cycle && cycle.Functions.Contains("parcels.pile"));
    }

    /// <summary>The text between the README's first fence and the next.</summary>
    private static string Readme() => File.ReadAllText(Tools.Fixtures.PathOf(Folder + "/README.md")).Split("```\n")[1];

    /// <summary>
    /// One line a frame whose function calls itself, and no numbers that frame sizes decide; lines of the program's own files only, because
    /// others are edited.
    /// </summary>
    private static IReadOnlyList<string> Stable(string output)
    {
        var lines = new List<string>();
        foreach (var line in output.TrimEnd().Split('\n'))
        {
            var stable = Regex.Replace(line, @"\.\.\. \d+ more", "... more");
            stable = Regex.Replace(stable, @"__anon_\d+", "");
            stable = Regex.Replace(stable, @"(splitstack|debug)\.zig:\d+", "$1.zig");
            stable = Regex.Replace(stable, @"released  (\d+) of \1,", "released  all,");
            stable = Regex.Replace(stable, @"(\d+) acquired, \1 released", "all acquired released");
            if (lines.Count == 0 || lines[^1] != stable)
            {
                lines.Add(stable);
            }
        }

        return lines;
    }

    private async Task<string> BuildAsync(Route route)
    {
        var compiler = await Tools.Cache.CompilerAsync(CancellationToken.None);
        var input = _scratch[route is Route.Attribute ? "program.ll" : "program.o"];
        string[] emit = route is Route.Attribute
            ? ["-fllvm", "-femit-llvm-ir=" + input, "-fno-emit-bin"]
            : ["-fno-llvm", "-femit-bin=" + input];
        await DoneAsync(compiler.CompileAsync(
        [
            "build-obj", "-target", Cell.LinuxGnu, "-lc", "-fno-strip", "-fno-omit-frame-pointer", "-ffunction-sections", .. emit,
            "--dep", "splitstack", "-Mroot=" + Source("main.zig"),
            "--dep", "abi", "--dep", "fiber", "-Msplitstack=" + Tools.Fixtures.PathOf("runtime/splitstack.zig"),
            "--dep", "limit_slot", "-Mabi=" + Tools.Fixtures.PathOf("runtime/abi.zig"),
            "--dep", "abi", "-Mfiber=" + Tools.Fixtures.PathOf("runtime/fiber.zig"),
            "-Mlimit_slot=" + Tools.Fixtures.PathOf("runtime/limit_slot_glibc.zig"),
        ], _scratch.Path, _timeout, CancellationToken.None));

        var options = BuildOptions.Default with { Injection = InjectionOptions.Default with { MaxUnsplitFrameBytes = 1 << 16 } };
        var request = new InjectionRequest(input, route, OptimizeMode.Debug, Binary.LimitSlot.Glibc);
        Directory.CreateDirectory(_scratch["injection"]);
        var outcome = await new FileInjector(Tools.Fixtures, Tools.Cache, options).InjectAsync(request, _scratch["injection"], CancellationToken.None);
        var injected = Assert.IsType<InjectionOutcome.Injected>(outcome);
        await File.WriteAllBytesAsync(_scratch["checked.o"], injected.Object);

        await DoneAsync(compiler.RunAsync(
        [
            // Zig's std.debug finds no lines in the DWARF 5 that clang writes.
            "clang", "-c", "-gdwarf-4", "-target", Cell.LinuxGnu, "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls",
            Source("foreign.c"), "-o", _scratch["foreign.o"],
        ], _scratch.Path, _timeout, CancellationToken.None));
        var runtime = await Tools.Cache.RuntimeAsync(RuntimeRecipe.Product, Cell.LinuxGnu, CancellationToken.None);
        await DoneAsync(compiler.CompileAsync(
            ["build-exe", "-target", Cell.LinuxGnu, _scratch["checked.o"], _scratch["foreign.o"], .. runtime, "-lc", "-femit-bin=" + _scratch["example"]],
            _scratch.Path, _timeout, CancellationToken.None));
        return _scratch["example"];
    }

    private static string Source(string name) => Tools.Fixtures.PathOf($"{Folder}/{name}");

    private static async Task DoneAsync(Task<ZigResult> step) => Assert.IsType<ZigResult.Done>(await step);
}
