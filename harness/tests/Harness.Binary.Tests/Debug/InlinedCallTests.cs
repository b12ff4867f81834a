using Harness.Binary.Debug;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests.Debug;

/// <summary>Inlined calls, against other readers of <c>.debug_info</c>.</summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class InlinedCallTests(UnitBuilds builds)
{
    /// <summary>Addresses compared per worker at most: spread over all of its code with lines.</summary>
    private const int MaxAddresses = 1500;

    [SymbolizerTheory("llvm-symbolizer", Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_chain_is_as_llvm_symbolizer_gives_it(Route route, OptimizeMode mode, Backend backend)
    {
        var worker = (await builds.GetAsync(route, mode, backend)).WorkerPath;
        var file = ElfFile.Load(worker);
        var addresses = Addresses(file);
        using var scratch = new Scratch();
        var questions = scratch["addresses"];
        await File.WriteAllTextAsync(questions, string.Concat(addresses.Select(a => $"0x{a:x}\n")));
        var answers = Blocks(await Tools.RunAsync(
            "/bin/sh", "-c", "exec \"$0\" --obj=\"$1\" --functions=linkage --no-demangle --output-style=LLVM < \"$2\"", "llvm-symbolizer", worker, questions));
        // Zig's own backend leaves DW_AT_call_file out (docs/ZIG-FINDINGS.md): others then name the unit's first file, wherever the call is.
        Compare(file, addresses, answers, mode, namesCallFiles: backend is Backend.Llvm);
    }

    /// <summary>A finding about Zig 0.16.0; when it is mended, other readers need no excuse above.</summary>
    [SymbolizerTheory("readelf", Timeout = 300_000)]
    [InlineData(Backend.SelfHosted, false)]
    [InlineData(Backend.Llvm, true)]
    public async Task Zigs_own_backend_leaves_the_file_of_a_call_out(Backend backend, bool told)
    {
        var worker = (await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, backend)).WorkerPath;
        var dump = await Tools.RunAsync("/bin/sh", "-c", "readelf --debug-dump=abbrev \"$0\" 2>/dev/null | grep -A20 DW_TAG_inlined_subroutine", worker);
        Assert.Contains("DW_AT_call_line", dump);
        Assert.Equal(told, InlinedOfZig(dump).All(entry => entry.Contains("DW_AT_call_file", StringComparison.Ordinal)));
    }

    /// <summary>Abbreviations of inlined calls as far as their last attribute.</summary>
    private static IEnumerable<string> InlinedOfZig(string dump) => dump.Split("DW_TAG_inlined_subroutine").Skip(1).Select(text => text.Split("DW_AT value: 0")[0]);

    [Theory]
    [InlineData(new byte[] { 4, 0x10, 0x18, 0 }, 0x10)] // an offset from the unit's address
    [InlineData(new byte[] { 1, 1, 4, 0x10, 0x18, 0 }, 0x30)] // from another one, by index
    [InlineData(new byte[] { 2, 0, 1, 0 }, 0)] // from address 0 to address 1 of the table
    [InlineData(new byte[] { 3, 1, 8, 0 }, 0x20)] // a length from address 1
    [InlineData(new byte[] { 5, 0x40, 0x10, 0x40, 0, 0, 0, 0, 0, 4, 1, 9, 0 }, 0x41)] // an address in full, and an offset from it
    [InlineData(new byte[] { 6, 0x50, 0x10, 0x40, 0, 0, 0, 0, 0, 0x58, 0x10, 0x40, 0, 0, 0, 0, 0, 0 }, 0x50)] // both ends
    [InlineData(new byte[] { 7, 0x60, 0x10, 0x40, 0, 0, 0, 0, 0, 8, 0 }, 0x60)] // an address and a length
    [InlineData(new byte[] { 4, 2, 4, 4, 0x70, 0x78, 0 }, 0x70)] // the second of two
    public void Every_kind_of_range_and_index_of_version_5_is_read(byte[] list, int start)
    {
        var file = ElfFile.Parse(InfoBuilder.Indexed(list), "built");
        var info = DebugInfo.Read(file, LineTable.Read(file));
        Assert.Equal([new InlinedCall("inner", null, 7, null, 42)], info.Inlined(InfoBuilder.Code + (ulong)start));
        Assert.Empty(info.Inlined(InfoBuilder.Code + (ulong)start + 0x20));
        Assert.Empty(info.Inlined(InfoBuilder.Code - 1));
    }

    private static void Compare(ElfFile file, List<ulong> addresses, List<List<string>> answers, OptimizeMode mode, bool namesCallFiles)
    {
        Assert.Equal(addresses.Count, answers.Count);
        var lines = LineTable.Read(file);
        var info = DebugInfo.Read(file, lines);
        var (differences, inlined) = (new List<string>(), 0);
        foreach (var (address, answer) in addresses.Zip(answers))
        {
            var calls = info.Inlined(address);
            inlined += calls.Count;
            var own = Shown(lines, address, calls);
            // The outermost function's name is the symbol table's business.
            List<string> others = [.. answer.SkipLast(1), answer[^1][(answer[^1].IndexOf('@') + 1)..]];
            if (!own.Select((o, i) => i > 0 && !namesCallFiles ? WithoutFile(o) : o).SequenceEqual(others.Select((o, i) => i > 0 && !namesCallFiles ? WithoutFile(o) : o)))
            {
                differences.Add($"{address:x}: {string.Join(" < ", own)} | {string.Join(" < ", answer)}");
            }
        }

        Assert.True(inlined > (mode is OptimizeMode.Debug ? 5 : 100), $"only {inlined} inlined calls in {addresses.Count} addresses");
        Assert.True(differences.Count == 0, $"{differences.Count} of {addresses.Count} differ:\n{string.Join('\n', differences.Take(20))}");
    }

    /// <summary>As "function@file:line", the innermost first; the last one without its function.</summary>
    private static List<string> Shown(LineTable lines, ulong address, IReadOnlyList<InlinedCall> calls)
    {
        var row = lines.Find(address);
        var (file, line) = (row is { } r ? lines.File(r) : null, row?.Line ?? 0);
        var shown = new List<string>();
        foreach (var call in calls)
        {
            shown.Add($"{call.Function}@{Place(file, line)}");
            (file, line) = (call.CallFile, call.CallLine);
        }

        shown.Add(Place(file, line));
        return shown;
    }

    private static string WithoutFile(string frame) => $"{frame[..(frame.IndexOf('@') + 1)]}{frame[frame.LastIndexOf(':')..]}";

    private static string Place(string? file, int line) => $"{Path.GetFileName(file) ?? "??"}:{line}";

    /// <summary>Of rows of the line table, one in so many.</summary>
    private static List<ulong> Addresses(ElfFile file)
    {
        var all = LineTable.Read(file).Rows.Select(r => r.Address).Distinct().ToList();
        var step = Math.Max(1, all.Count / MaxAddresses);
        return [.. all.Where((_, i) => i % step == 0)];
    }

    /// <summary>Of each address the frames, the innermost first, as "function@file:line". A frame is two lines, an empty one ends an address.</summary>
    private static List<List<string>> Blocks(string text)
    {
        var blocks = new List<List<string>>();
        foreach (var block in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = block.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            blocks.Add([.. parts.Chunk(2).Select(p => $"{p[0]}@{PlaceOf(p[1])}")]);
        }

        return blocks;
    }

    /// <summary>Of "path:line:column".</summary>
    private static string PlaceOf(string text)
    {
        var parts = text.Split(':');
        return $"{Path.GetFileName(string.Join(':', parts[..^2]))}:{parts[^2]}";
    }
}

/// <summary>Skipped, visibly, where there is no Zig or no such tool.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SymbolizerTheoryAttribute : TheoryAttribute
{
    public SymbolizerTheoryAttribute(string tool)
    {
        if (Tools.Zig is ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
        else if (ExecutablePath.Resolve(tool) is null)
        {
            Skip = $"{tool} is not installed: nothing to compare with";
        }
    }
}
