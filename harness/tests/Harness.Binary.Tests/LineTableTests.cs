using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Binary.Tests.Debug;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;
using Iced.Intel;

namespace Harness.Binary.Tests;

[Collection(UnitBuildsCollection.Name)]
public sealed partial class LineTableTests(UnitBuilds builds)
{
    [ReadelfTheory(Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_row_is_as_readelf_decodes_it(Route route, OptimizeMode mode, Backend backend)
    {
        var built = await builds.GetAsync(route, mode, backend);
        var file = ElfFile.Load(built.WorkerPath);
        var table = LineTable.Read(file);

        var expected = Decoded(
            await Tools.RunAsync("readelf", "-W", "--debug-dump=decodedline", built.WorkerPath), file);
        var actual = table.Rows
            .Select(row => $"{row.Address:x} {Path.GetFileName(table.File(row))}:{row.Line}")
            .Order()
            .ToList();
        Assert.True(actual.Count > 300, $"only {actual.Count} rows");
        Assert.Equal(expected, actual);
    }

    /// <summary>The lines that traces are compared by: of every call of the worker, with those of its libraries that have any.</summary>
    [SymbolizerTheory("addr2line", Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_call_stands_where_another_reader_says(Route route, OptimizeMode mode, Backend backend)
    {
        var worker = (await builds.GetAsync(route, mode, backend)).WorkerPath;
        var file = ElfFile.Load(worker);
        var calls = CallSites(file).ToList();
        var lines = LineTable.Read(file);
        var own = calls.Select(address => lines.Find(address) is { Line: > 0 } row && lines.File(row) is { } path ? $"{Path.GetFileName(path)}:{row.Line}" : Unknown).ToList();
        Assert.True(own.Count(place => place != Unknown) > 30, $"of {calls.Count} calls hardly any has a line");
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch["calls"], string.Concat(calls.Select(a => $"0x{a:x}\n")));
        var others = await AskAsync("exec addr2line -e \"$0\" < \"$1\"", worker, scratch["calls"]);
        var differences = Differences(calls, own, others);
        if (backend is Backend.SelfHosted)
        {
            // binutils 2.40 gives up at DW_LNCT_LLVM_source, which Zig's own backend writes: when it no longer does, this says so. LLVM's reader is asked instead.
            Assert.NotEmpty(differences);
            Assert.All(differences, d => Assert.EndsWith(Unknown, d));
            differences = ExecutablePath.Resolve("llvm-symbolizer") is null ? []
                : Differences(calls, own, await AskAsync("exec llvm-symbolizer --obj=\"$0\" --no-inlines --functions=none --output-style=GNU < \"$1\" 2> /dev/null", worker, scratch["calls"]));
        }

        Assert.True(differences.Count == 0, $"{differences.Count} of {calls.Count} differ:\n{string.Join('\n', differences.Take(20))}");
    }

    private const string Unknown = "??";

    private static List<string> Differences(List<ulong> calls, List<string> own, List<string> others)
    {
        Assert.Equal(calls.Count, others.Count);
        return [.. Enumerable.Range(0, calls.Count).Where(i => own[i] != others[i]).Select(i => $"{calls[i]:x}: {own[i]} | {others[i]}")];
    }

    private static async Task<List<string>> AskAsync(string command, string worker, string calls)
    {
        var answer = await Tools.RunAsync("/bin/sh", "-c", command, worker, calls);
        return [.. answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text => Place().Match(text) is { Success: true } match
            ? $"{Path.GetFileName(match.Groups["path"].Value)}:{match.Groups["line"].Value}" : Unknown)];
    }

    /// <summary>The last byte of each call of a function that has rows.</summary>
    private static IEnumerable<ulong> CallSites(ElfFile file)
    {
        foreach (var entry in UnwindTable.Read(file).ByAddress)
        {
            var code = file.Memory(entry.Start);
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(code[..(int)Math.Min((ulong)code.Length, entry.End - entry.Start)].ToArray()), entry.Start);
            while (decoder.IP < entry.End)
            {
                if (decoder.Decode() is { FlowControl: FlowControl.Call or FlowControl.IndirectCall } call)
                {
                    yield return call.NextIP - 1;
                }
            }
        }
    }

    [GeneratedRegex(@"^(?<path>.+):(?<line>[1-9]\d*)( \(discriminator \d+\))?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Place();

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Functions_and_the_lines_they_open_on_are_found(Route route, OptimizeMode mode, Backend backend)
    {
        var built = await builds.GetAsync(route, mode, backend);
        var source = (await File.ReadAllLinesAsync(Tools.Fixture("unit.zig"))).ToList();
        var symbolizer = Symbolizer.Load(built.WorkerPath);
        foreach (var name in new[] { "fibonacci", "manyArguments", "hugeFrame", "throughPointers", "calls" })
        {
            var address = Assert.NotNull(symbolizer.AddressOf("unit." + name));
            var declared = source.FindIndex(text => text.StartsWith($"noinline fn {name}(", StringComparison.Ordinal));
            var line = 1 + source.FindIndex(declared, text => text.EndsWith('{'));
            var location = Assert.IsType<CodeLocation>(symbolizer.Resolve(address + 3));
            Assert.Equal(("unit." + name, address, line), (location.Symbol, location.SymbolStart, location.StartLine));
            Assert.Equal("unit.zig", Path.GetFileName(location.File));
        }
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_thunk_is_a_function_without_lines()
    {
        var built = await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        var symbolizer = Symbolizer.Load(built.WorkerPath);
        var address = Assert.NotNull(symbolizer.AddressOf("hs_thunk.unit.fibonacci"));
        Assert.Equal(new CodeLocation("hs_thunk.unit.fibonacci", address, null, 0, 0), symbolizer.Resolve(address + 4));
    }

    [ZigFact(Timeout = 300_000)]
    public async Task An_address_outside_of_code_is_nowhere()
    {
        var built = await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        var symbolizer = Symbolizer.Load(built.WorkerPath);
        Assert.Null(symbolizer.Resolve(0));
        Assert.Null(symbolizer.Resolve(ulong.MaxValue));
        Assert.Null(symbolizer.AddressOf("unit.nobody"));
    }

    /// <summary>Rows of sequences that have any extent and are code, as "address file:line".</summary>
    private static List<string> Decoded(string text, ElfFile file)
    {
        var code = file.Sections.Where(section => section.IsCode).ToList();
        var result = new List<string>();
        var sequence = new List<(ulong Address, string Text)>();
        foreach (Match match in Row().Matches(text))
        {
            var address = ulong.Parse(
                match.Groups["address"].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (match.Groups["line"].Value != "-")
            {
                var name = Path.GetFileName(match.Groups["file"].Value);
                sequence.Add((address, $"{address:x} {name}:{match.Groups["line"].Value}"));
                continue;
            }

            var start = sequence.Count > 0 ? sequence[0].Address : 0;
            if (start < address && code.Exists(s => start >= s.Address && start - s.Address < s.Size))
            {
                result.AddRange(sequence.Select(row => row.Text));
            }

            sequence.Clear();
        }

        return [.. result.Order()];
    }

    [GeneratedRegex(
        @"^(?<file>\S+) +(?<line>\d+|-) +(0x)?(?<address>[0-9a-f]+)\b",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Row();
}
