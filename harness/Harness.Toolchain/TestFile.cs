using System.Collections.Immutable;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>A file with Zig tests, and how it is compiled into a unit whose tests run one by one, plainly and split (docs/TEST-FILES.md).</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Options">The user's own, for the compiler: modules, include paths, a CPU. What names libraries (<c>-l…</c>, <c>-L…</c>) goes to the linker too.</param>
/// <param name="Filters">Only tests whose names contain one of these; none: all.</param>
public sealed record TestFile(string Path, ImmutableArray<string> Options, ImmutableArray<string> Filters)
{
    /// <summary>The root of the program in place of Zig's own test runner.</summary>
    public const string RunnerSource = "testing/runner.zig";

    /// <summary>
    /// What the runner keeps below each limit for what does not ask, libc's functions among it (runner.zig, headroom_bytes). Half of it may be one function's
    /// that is left out.
    /// </summary>
    public const long HeadroomBytes = 64 << 10;

    /// <summary>
    /// Filters of one part. LLVM writes a section for each function, and a library's tests have more of them than an object holds (65,279, ELF's SHN_LORESERVE) and than
    /// it optimises in minutes. Zig's own backend is faster; parts there are for the lanes that run them.
    /// </summary>
    private static int FiltersOfOnePart(Backend backend) => backend is Backend.SelfHosted ? 90 : 30;

    /// <summary>
    /// What is compiled by itself, each with its share of the filters. Those that let in what another is for are kept together; a test whose own words are
    /// another's filter may still come twice.
    /// </summary>
    public ImmutableArray<TestFile> Parts(Backend backend)
    {
        var parts = (Filters.Length + FiltersOfOnePart(backend) - 1) / FiltersOfOnePart(backend);
        if (parts <= 1)
        {
            return [this];
        }

        var (most, shares) = ((Filters.Length + parts - 1) / parts, new List<List<string>>());
        foreach (var group in Groups())
        {
            if (shares is not [.., var last] || last.Count + group.Count > most)
            {
                shares.Add([]);
            }

            shares[^1].AddRange(group);
        }

        return [.. shares.Select(filters => this with { Filters = [.. filters] })];
    }

    /// <summary>Filters of which one is part of another, directly or by way of others; in the order of their first ones.</summary>
    private List<List<string>> Groups()
    {
        var groups = new List<List<string>>();
        foreach (var filter in Filters)
        {
            var joined = groups.FindAll(group => group.Exists(other => other.Contains(filter, StringComparison.Ordinal) || filter.Contains(other, StringComparison.Ordinal)));
            if (joined.Count == 0)
            {
                groups.Add([filter]);
                continue;
            }

            joined[0].AddRange(joined.Skip(1).SelectMany(group => group).Append(filter));
            groups.RemoveAll(joined.Skip(1).Contains);
        }

        return groups;
    }

    internal string[] Arguments(FixtureLayout fixtures) =>
    [
        "test-obj", "--test-no-exec", "--test-runner", fixtures.PathOf(RunnerSource), .. Options,
        .. Filters.SelectMany(filter => (string[])["--test-filter", filter]), Path,
    ];

    internal IEnumerable<string> Libraries => ProgramFile.LibrariesOf(Options);
}
