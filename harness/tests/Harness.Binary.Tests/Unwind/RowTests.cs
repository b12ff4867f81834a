using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;

namespace Harness.Binary.Tests.Unwind;

/// <summary>Rows and lookups of real files, against binutils and against each other.</summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class RowTests(UnitBuilds builds) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ReadelfTheory(Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_row_of_a_worker_is_as_readelf_reads_it(Route route, OptimizeMode mode, Backend backend) =>
        await CompareAsync((await builds.GetAsync(route, mode, backend)).WorkerPath, minimum: 300);

    [LibraryFact("libc.so.6", Timeout = 300_000)]
    public async Task Every_row_of_the_C_library_is_as_readelf_reads_it() => await CompareAsync(LibraryFactAttribute.Find("libc.so.6")!, 20_000);

    [LibraryFact("libstdc++.so.6", Timeout = 300_000)]
    public async Task Every_row_of_the_Cpp_library_is_as_readelf_reads_it() => await CompareAsync(LibraryFactAttribute.Find("libstdc++.so.6")!, 20_000);

    [ReadelfTheory(Timeout = 300_000)]
    [InlineData(500_000)]
    public async Task Every_row_of_the_compiler_is_as_readelf_reads_it(int minimum) =>
        await CompareAsync(Tools.Zig.Require().Executable, minimum);

    /// <summary>Reads the tables only: the compiler has 170 MB.</summary>
    private async Task CompareAsync(string path, int minimum)
    {
        var table = UnwindTable.Read(ElfExcerpt.Load(path, name => name is ".eh_frame" or ".eh_frame_hdr" or ".debug_frame"));
        Assert.Empty(table.Problems);
        var output = _scratch["rows.txt"];
        // Its exit status tells of parts of the file that it does not understand, other than these.
        await Tools.RunAsync("sh", "-c", "readelf -wF \"$1\" >\"$2\" 2>/dev/null || true", "sh", path, output);
        var comparison = ReadelfRows.Compare(table, File.ReadLines(output));
        Assert.Empty(comparison.Differences);
        Assert.Equal(table.Entries.Length, comparison.Entries);
        Assert.True(comparison.Rows >= minimum, $"only {comparison.Rows} rows");
        LookupsAgree(table);
    }

    /// <summary>The search table, the sorted list and a scan in order of the section give one answer, at every edge.</summary>
    private static void LookupsAgree(UnwindTable table)
    {
        var entries = table.ByAddress.Where(entry => entry.Section.IsAllocated).ToList();
        Assert.Equal(entries.Count, table.Search!.Rows.Count);
        var step = Math.Max(1, entries.Count / 500);
        for (var i = 0; i < entries.Count; i++)
        {
            foreach (var address in (ulong[])[entries[i].Start, entries[i].End - 1, entries[i].End])
            {
                var found = table.Find(address) is { Section.IsAllocated: true } entry ? entry : null;
                Assert.Same(found, table.FindBySearchTable(address));
                if (i % step == 0)
                {
                    Assert.Same(found, table.Entries.FirstOrDefault(e => e.Section.IsAllocated && e.Covers(address)));
                }
            }
        }
    }
}

/// <summary>Skipped, visibly, where a library or readelf is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LibraryFactAttribute : FactAttribute
{
    private static readonly string[] _folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];

    public LibraryFactAttribute(string name)
    {
        if (Find(name) is null)
        {
            Skip = $"{name} is not where distributions put it";
        }
        else if (ExecutablePath.Resolve("readelf") is null)
        {
            Skip = "readelf (binutils) is not installed: nothing to compare with";
        }
    }

    public static string? Find(string name) => _folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
