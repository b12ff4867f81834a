using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Binary.Tests;

/// <summary>The unwind tables that thunks bring along, as another reader sees them in the linked program.</summary>
[Collection(UnitBuildsCollection.Name)]
public sealed partial class UnwindTests(UnitBuilds builds)
{
    [ReadelfTheory(Timeout = 300_000)]
    [InlineData(Backend.SelfHosted)]
    [InlineData(Backend.Llvm)]
    public async Task Every_thunk_has_an_entry_of_its_own_with_the_right_rows(Backend backend)
    {
        var built = await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, backend);
        var file = ElfFile.Load(built.WorkerPath);
        var entries = Entries(await Tools.RunAsync("readelf", "-W", "--debug-dump=frames-interp", built.WorkerPath));

        var thunks = file.Symbols.Where(s => s.Name.StartsWith("hs_thunk.", StringComparison.Ordinal)).ToList();
        Assert.Equal(built.Injection.Split, thunks.Count);
        var over = file.Symbols.Where(s => s.Name.StartsWith("hs_thunk_over.", StringComparison.Ordinal)).ToList();
        // LLVM puts each function into a section of its own, and its check in front of it.
        Assert.Equal(backend is Backend.Llvm ? thunks.Count : 0, over.Count);
        Assert.All(over, thunk => Assert.Equal([8, 16, 8], Rows(thunk).Select(row => row.Cfa)));
        var large = 0;
        foreach (var thunk in thunks)
        {
            var rows = Rows(thunk);
            var frame = rows.Select(row => row.Cfa).FirstOrDefault(cfa => cfa >= 8 + ThunkCode.SmallFrameBytes);
            // readelf shows no row where none differs from the common entry's.
            long[] expected = (frame, over.Count) switch
            {
                (0, 0) => [8, 16, 8],
                (0, _) => [],
                (_, 0) => [8, frame, 8, 16, 8],
                _ => [8, frame, 8],
            };
            Assert.Equal(expected, rows.Select(row => row.Cfa));
            large += frame == 0 ? 0 : 1;
        }

        List<(ulong Address, long Cfa)> Rows(ElfSymbol thunk) =>
            entries.TryGetValue((thunk.Value, thunk.Value + thunk.Size), out var rows) ? rows : throw new KeyNotFoundException(thunk.Name);

        Assert.True(large > 3, $"only {large} thunks of large frames");
    }

    /// <summary>FDE range → rows (address, offset of the CFA from rsp).</summary>
    private static Dictionary<(ulong Start, ulong End), List<(ulong Address, long Cfa)>> Entries(string text)
    {
        var result = new Dictionary<(ulong, ulong), List<(ulong, long)>>();
        List<(ulong, long)>? rows = null;
        foreach (var line in text.Split('\n'))
        {
            if (Fde().Match(line) is { Success: true } fde)
            {
                result[(Hex(fde.Groups["start"]), Hex(fde.Groups["end"]))] = rows = [];
            }
            else if (line.Length == 0)
            {
                rows = null;
            }
            else if (rows is not null && Row().Match(line) is { Success: true } row)
            {
                var offset = long.Parse(row.Groups["offset"].ValueSpan, CultureInfo.InvariantCulture);
                rows.Add((Hex(row.Groups["address"]), offset));
            }
        }

        return result;
    }

    private static ulong Hex(Group group) =>
        ulong.Parse(group.ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex(@" FDE .*pc=(?<start>[0-9a-f]+)\.\.(?<end>[0-9a-f]+)", RegexOptions.ExplicitCapture)]
    private static partial Regex Fde();

    [GeneratedRegex(@"^(?<address>[0-9a-f]{16}) rsp\+(?<offset>\d+) ", RegexOptions.ExplicitCapture)]
    private static partial Regex Row();
}
