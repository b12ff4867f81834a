using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Harness.Execution;
using Harness.Toolchain;

namespace Harness.Verification.Abi;

/// <summary>Measures the conventions of a compiler: compiles the probes for each cell, runs them in a child with limits, reads what they say.</summary>
public sealed partial class AbiMeasurement(AbiBuilder builder, ChildProcess processes, string zig)
{
    /// <summary>The cell of the facts that hold for LLVM's split-stack attribute, whatever the mode.</summary>
    public const string LimitCell = "split-stack attribute";

    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(1);
    private static readonly string[] _targets = ["x86_64-linux-gnu", "x86_64-linux-musl", "x86_64-freebsd", "x86_64-windows-gnu", "aarch64-linux-gnu"];

    /// <param name="directory">For build products.</param>
    /// <param name="onCell">Told of each cell that is done.</param>
    /// <exception cref="ToolchainException">What every cell needs does not build.</exception>
    public async Task<AbiFingerprint> MeasureAsync(IReadOnlyList<AbiCell> cells, string directory, Action<AbiCellFacts> onCell, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(onCell);
        var source = AbiUnit.Write();
        var results = ImmutableArray.CreateBuilder<AbiCellFacts>();
        foreach (var cell in cells)
        {
            results.Add(await CellAsync(source, cell, Path.Combine(directory, $"cell-{results.Count}"), ct).ConfigureAwait(false));
            onCell(results[^1]);
        }

        results.Add(await LimitsAsync(Path.Combine(directory, "limits"), ct).ConfigureAwait(false));
        onCell(results[^1]);
        return new AbiFingerprint(zig, results.ToImmutable());
    }

    internal async Task<AbiCellFacts> CellAsync(string source, AbiCell cell, string directory, CancellationToken ct)
    {
        var build = await builder.BuildAsync(source, cell, directory, ct).ConfigureAwait(false);
        if (build is not AbiBuild.Built built)
        {
            return new AbiCellFacts(cell.ToString(), ((AbiBuild.Failed)build).Problem, []);
        }

        var request = new ProcessRequest
        {
            File = built.Program, WorkingDirectory = directory, Timeout = _timeout, OutputCapBytes = AbiDump.MaxCharacters,
            Limits = new ResourceLimits { MemoryBytes = 1L << 30, CpuSeconds = 50, FileSizeBytes = 0, Confinement = Confinement.Alone },
        };
        return await processes.RunAsync(request, ct).ConfigureAwait(false) is ProcessOutcome.Exited { Code: 0, Output: { StdoutTruncated: false } output }
            ? Read(cell, output.Stdout)
            : new AbiCellFacts(cell.ToString(), "the program of probes did not end well", []);
    }

    private static AbiCellFacts Read(AbiCell cell, string dump)
    {
        try
        {
            return new AbiCellFacts(cell.ToString(), null, AbiReading.Of(dump, AbiProbe.All));
        }
        catch (InvalidDataException e)
        {
            return new AbiCellFacts(cell.ToString(), $"what the probes printed cannot be used: {e.Message}", []);
        }
    }

    /// <summary>Where LLVM's checks look, for some targets.</summary>
    private async Task<AbiCellFacts> LimitsAsync(string directory, CancellationToken ct)
    {
        const string function = """
            declare void @use(ptr)
            define void @split() "split-stack" {
              %p = alloca [64 x i8]
              call void @use(ptr %p)
              ret void
            }
            """;
        var facts = ImmutableArray.CreateBuilder<AbiFact>();
        foreach (var target in _targets)
        {
            var (assembly, problem) = await builder.AssembleAsync(function, target, Path.Combine(directory, target), ct).ConfigureAwait(false);
            facts.Add(new AbiFact(AbiTopic.LimitSlot, "", target, assembly is null ? $"refused: {problem!.Split('\n')[0]}" : SlotIn(assembly)));
        }

        return new AbiCellFacts(LimitCell, null, facts.ToImmutable());
    }

    /// <summary>The operand of the check in assembly.</summary>
    internal static string SlotIn(string assembly) => Slot().Match(assembly) is { Success: true } match
        ? $"{match.Groups["segment"].Value}:0x{int.Parse(match.Groups["offset"].Value, System.Globalization.CultureInfo.InvariantCulture):x}"
        : "no check";

    [GeneratedRegex(@"cmpq\s+%(?<segment>[fg]s):(?<offset>\d{1,9}),\s*%r(sp|10|11)\b", RegexOptions.ExplicitCapture)]
    private static partial Regex Slot();
}
