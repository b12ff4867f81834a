using Harness.Binary;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.Abi;

namespace Harness.Verification.Tests.Abi;

/// <summary>The fingerprint of the installed compiler, measured once, against what its machine code says.</summary>
public sealed class AbiTests(MeasuredAbi measured) : IClassFixture<MeasuredAbi>
{
    /// <summary>Of <see cref="AbiCell.All"/> those that differ most.</summary>
    public static TheoryData<int> Cells { get; } = [0, 2, 4, 5];

    /// <summary>
    /// Callees read before writing exactly the registers and stack bytes that were measured, callers write all of them before they call. Besides, a function
    /// may spill an error return trace it was given.
    /// </summary>
    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(Cells))]
    public async Task Machine_code_takes_and_puts_arguments_where_they_were_measured(int index)
    {
        var (cell, facts, built) = await measured.CellAsync(index);
        var functions = FunctionInputs.In(ElfFile.Load(built.Object));
        var trace = facts[AbiTopic.TracePointer, AbiConvention.Auto, "anyerror!void"]!;
        var (checkedSignatures, wrong) = (0, new List<string>());
        for (var i = 0; i < AbiProbe.All.Length; i++)
        {
            if (AbiProbe.All[i] is AbiProbe.Receives { Signature: var signature })
            {
                var value = facts[AbiTopic.Arguments, signature.Convention, signature.ToString()]!;
                var callee = functions(AbiUnit.SymbolOf(i));
                var caller = functions(AbiUnit.SymbolOf(i + 1));
                wrong.AddRange(Differences(signature, value, trace, callee, caller).Select(what => $"{cell} {signature.Convention} {signature}, measured {value}: {what}"));
                checkedSignatures++;
            }
        }

        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
        Assert.True(checkedSignatures >= 50, $"{checkedSignatures} signatures");
        AssertAsStored(facts);
    }

    /// <summary>What was measured when the release was looked at last, where it is this release.</summary>
    private static void AssertAsStored(AbiCellFacts facts)
    {
        var version = Tools.Zig.Require().Version;
        var stored = Path.Combine(Tools.Repository, "results", "gates", $"zig-{version}.abi.json");
        if (File.Exists(stored))
        {
            var before = AbiJson.Read(File.ReadAllText(stored));
            Assert.Empty(AbiComparison.Differences(before with { Cells = [.. before.Cells.Where(cell => cell.Cell == facts.Cell)] }, new AbiFingerprint(version, [facts])));
        }
    }

    private static IEnumerable<string> Differences(AbiSignature signature, string measured, string trace, FunctionInputs callee, FunctionInputs caller)
    {
        var places = measured.Split([' ', ';'], StringSplitOptions.RemoveEmptyEntries);
        var registers = places.Select(place => place.Trim('[', ']').Split('+')[0]).Where(name => name != "stack").Select(name => name.ToUpperInvariant()).ToHashSet();
        var read = callee.Registers.Where(register => signature.Convention is AbiConvention.C || !string.Equals(register, trace, StringComparison.OrdinalIgnoreCase)).ToHashSet();
        if (!registers.SetEquals(read))
        {
            yield return $"the callee reads {string.Join(' ', read.Order())}";
        }

        var starts = places.Select(place => place.Trim('[', ']')).Where(place => place.StartsWith("stack+", StringComparison.Ordinal)).Select(place => int.Parse(place["stack+".Length..])).ToHashSet();
        if ((starts.Count == 0 && !callee.StackBytes.IsEmpty) || starts.Any(start => !callee.StackBytes.Contains(start) && !callee.StackAddresses.Contains(start)))
        {
            yield return $"the callee reads the stack bytes {string.Join(' ', callee.StackBytes)}";
        }

        // st0 is loaded, which is no register of the kind that stays where it was put.
        if (registers.Where(register => register != "ST0").FirstOrDefault(register => !caller.CallWrites.Contains(register)) is { } unset)
        {
            yield return $"the caller does not write {unset}, but {string.Join(' ', caller.CallWrites.Order())}";
        }

        if (starts.Any(start => !caller.CallStackBytes.Contains(start)))
        {
            yield return $"the caller writes the stack bytes {string.Join(' ', caller.CallStackBytes)}";
        }
    }
}

/// <summary>Each cell, measured when it is first asked for.</summary>
public sealed class MeasuredAbi : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly Dictionary<int, (AbiCell, AbiCellFacts, AbiBuild.Built)> _cells = [];

    public async Task<(AbiCell Cell, AbiCellFacts Facts, AbiBuild.Built Built)> CellAsync(int index)
    {
        if (!_cells.TryGetValue(index, out var found))
        {
            var (cell, directory) = (AbiCell.All[index], _scratch[$"{index}"]);
            var measurement = new AbiMeasurement(new AbiBuilder(Tools.Fixtures, Tools.Cache), await Tools.Cache.ProcessesAsync(CancellationToken.None), "test");
            var facts = await measurement.CellAsync(AbiUnit.Write(), cell, directory, CancellationToken.None);
            Assert.Null(facts.Problem);
            _cells[index] = found = (cell, facts, new AbiBuild.Built(Path.Combine(directory, "probes"), Path.Combine(directory, "unit.o")));
        }

        return found;
    }

    public void Dispose() => _scratch.Dispose();
}
