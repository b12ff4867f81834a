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
    private const int MaxAddresses = 4000;

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
        Compare(file, addresses, answers, mode);
    }

    private static void Compare(ElfFile file, List<ulong> addresses, List<List<string>> answers, OptimizeMode mode)
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
            // The outermost function's name is the symbol table's business; where it has no entry the other reader may say nothing of lines either.
            if (string.Join(" < ", own) != string.Join(" < ", answer.SkipLast(1).Append(answer[^1][(answer[^1].IndexOf('@') + 1)..])))
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
