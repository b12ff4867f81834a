using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Toolchain;

/// <param name="File">The library's root with filters; without <see cref="Without"/>, none.</param>
/// <param name="Without">Files of the library whose tests do not compile from this distribution, each with the compiler's first word about it.</param>
public sealed record StandardTests(TestFile File, ImmutableArray<(string File, string Reason)> Without);

/// <summary>
/// The tests of the compiler's own library. Distributions leave files out that tests read when they are compiled, which ends the whole compilation; so it is
/// compiled once, without code, and what the compiler complains about is left out by filters. A filter is part of a name, <c>crypto.sha3.test.…</c>; where one would
/// let in what is left out, the names of the tests are given whole.
/// </summary>
public sealed partial class StandardLibraryTests(FixtureLayout fixtures, ToolCache cache, ZigInstallation zig)
{
    private const int MaxRounds = 4;
    private const long MaxSourceBytes = 16 << 20;

    /// <exception cref="ToolchainException">The compiler has no library, or its tests do not compile in a way that filters do not help against.</exception>
    public async Task<StandardTests> FindAsync(string directory, CancellationToken ct)
    {
        var library = zig.LibDirectory ?? throw new ToolchainException($"{zig.Executable} does not say where its library is; name it with ZIG_LIB_DIR");
        var root = Path.Combine(library, "std");
        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var without = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var round = 0; round < MaxRounds; round++)
        {
            var file = new TestFile(Path.Combine(root, "std.zig"), [], without.Count == 0 ? [] : Filters(root, without.Keys));
            string[] arguments = [.. file.Arguments(fixtures), "-target", Cell.LinuxGnu, "-lc", "-fno-llvm", "-fno-emit-bin"];
            var result = await compiler.CompileAsync(arguments, directory, TimeSpan.FromMinutes(20), ct).ConfigureAwait(false);
            switch (result)
            {
                case ZigResult.Done:
                    return new StandardTests(file, [.. without.Select(entry => (entry.Key, entry.Value))]);
                case ZigResult.Diagnosed diagnosed:
                    var before = without.Count;
                    foreach (Match match in ErrorLine().Matches(diagnosed.Diagnostics))
                    {
                        if (Path.GetRelativePath(root, match.Groups["file"].Value) is var name && !name.StartsWith("..", StringComparison.Ordinal))
                        {
                            without.TryAdd(name, match.Groups["text"].Value);
                        }
                    }

                    if (without.Count == before)
                    {
                        throw new ToolchainException($"the tests of {root} do not compile: {diagnosed.Diagnostics.Split('\n')[0]}");
                    }

                    break;
                case ZigResult.Crashed crashed:
                    throw new ToolchainException($"the compiler crashed on its own library's tests: {crashed.Detail.Split('\n')[0]}");
                case ZigResult.TimedOut timedOut:
                    throw new ToolchainException($"no end of compiling the library's tests: {timedOut.Command}");
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        throw new ToolchainException($"the tests of {root} do not compile, with {without.Count} files left out");
    }

    /// <summary>For every test outside the given files: of its file where that says enough, else its own name.</summary>
    /// <param name="root">The library's folder; <paramref name="without"/> are relative to it.</param>
    public static ImmutableArray<string> Filters(string root, IEnumerable<string> without)
    {
        var left = without.ToHashSet(StringComparer.Ordinal);
        var forbidden = left.SelectMany(file => (string[])[$"{Namespace(file)}.test.", $"{Namespace(file)}.decltest."]).ToList();
        var filters = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var path in Directory.EnumerateFiles(root, "*.zig", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(root, path);
            if (left.Contains(name) || new FileInfo(path).Length > MaxSourceBytes)
            {
                continue;
            }

            foreach (Match match in TestDeclaration().Matches(File.ReadAllText(path)))
            {
                var of = $"{Namespace(name)}.{(match.Groups["text"].Success ? "test." : "decltest.")}";
                filters.Add(forbidden.Exists(f => f.Contains(of, StringComparison.Ordinal)) ? of + match.Groups["text"].Value + match.Groups["declaration"].Value : of);
            }
        }

        return [.. filters];
    }

    /// <summary>As in the compiler's names of tests: the root's own file is called after it.</summary>
    private static string Namespace(string file) => file[..^".zig".Length].Replace('/', '.');

    [GeneratedRegex(@"^(?<file>/[^\n]*?\.zig):\d+:\d+: error: (?<text>[^\n]*)", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@"^\s*test\s+(?:""(?<text>(?:[^""\\\n]|\\.)*)""|(?<declaration>@""[^""\n]*""|\w+))", RegexOptions.Multiline)]
    private static partial Regex TestDeclaration();
}
