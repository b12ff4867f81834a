using Harness.Binary;
using Harness.Execution;
using Harness.Generators;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification;
using Iced.Intel;

namespace Harness.Cli.Tests;

/// <summary>
/// Campaigns compile for the oldest x86-64, where a vector of 256 or 512 bits goes in pieces. Here the same generated functions are compiled for what the
/// machine has, and pass ymm and zmm registers through splits.
/// </summary>
public sealed class WideVectorTests : IDisposable
{
    private const int Programs = 6;
    private readonly string _scratch = Directory.CreateTempSubdirectory("wide-").FullName;

    public void Dispose() => Directory.Delete(_scratch, recursive: true);

    [WideVectorTheory]
    [InlineData(Route.Attribute)]
    [InlineData(Route.Thunk)]
    public async Task generated_functions_pass_ymm_and_zmm_registers_through_both_entries(Route route)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        var root = FixtureLayout.FindRepository(AppContext.BaseDirectory);
        var fixtures = FixtureLayout.Find(root);
        var cache = new ToolCache((await ZigLocator.LocateAsync(null, root, timeout.Token)).Require(), fixtures, Path.Combine(root, ".cache"));
        var builder = new WorkerBuilder(fixtures, cache, RuntimeRecipe.Standard, BuildOptions.Default with { Processor = WideVectorTheoryAttribute.Processor });
        var factory = new UnitFactory(builder, null);
        var programs = Enumerable.Range(0, Programs).Select(i => ProgramGenerator.Generate((ulong)i + 500, 25, Profile.Named("abi"))).ToList();
        var cell = new Cell(route, OptimizeMode.ReleaseFast, Backend.Llvm);

        var runner = new UnitRunner(new WorkerSession(await cache.ProcessesAsync(timeout.Token)), WorkerLimits.Default);
        var result = await new BatchChecker(factory, runner).CheckAsync(programs, cell, PlanOptions.Default with { RowCap = 200 }, _scratch, timeout.Token);

        Assert.True(result.Findings.Count == 0, string.Join('\n', result.Findings.Select(finding => $"{finding.Signature}: {finding.Observation.Detail}")));
        Assert.True(result.Counters.SplitsForced > 1000, result.Counters.ToString());
        var (outcome, _) = await factory.BuildAsync(programs, cell, Directory.CreateDirectory(Path.Combine(_scratch, "look")).FullName, timeout.Token);
        var worker = Assert.IsType<BuildOutcome.Built>(outcome).WorkerPath;
        var (ymm, zmm) = (InstructionsOn("YMM", worker), InstructionsOn("ZMM", worker));
        Assert.True(ymm + zmm > 20 && (zmm > 0 || WideVectorTheoryAttribute.Processor is not "x86_64_v4"), $"{ymm} instructions with a ymm register, {zmm} with a zmm");
    }

    /// <summary>Instructions of the unit's functions (named after their file) with a register of this width.</summary>
    private static int InstructionsOn(string width, string worker)
    {
        var file = ElfFile.Load(worker);
        var count = 0;
        foreach (var function in file.Symbols.Where(symbol => symbol.Type is ElfSymbolType.Function && symbol.Name.StartsWith("unit", StringComparison.Ordinal)))
        {
            var section = file.Sections[function.Section];
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(file.Data(section).Slice((int)(function.Value - section.Address), (int)function.Size).ToArray()));
            while (decoder.IP < function.Size)
            {
                var instruction = decoder.Decode();
                count += Enumerable.Range(0, instruction.OpCount).Any(i => instruction.GetOpRegister(i).ToString().StartsWith(width, StringComparison.Ordinal)) ? 1 : 0;
            }
        }

        return count;
    }
}

/// <summary>Skipped, visibly, where the processor has no vectors of more than 128 bits.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class WideVectorTheoryAttribute : TheoryAttribute
{
    private static readonly string[] _flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];

    public WideVectorTheoryAttribute()
    {
        if (Processor is null)
        {
            Skip = "the processor has no AVX2";
        }
    }

    public static string? Processor { get; } = _flags.Contains("avx512vl") && _flags.Contains("avx512bw") ? "x86_64_v4" : _flags.Contains("avx2") ? "x86_64_v3" : null;
}
