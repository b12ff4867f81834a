using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;

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
