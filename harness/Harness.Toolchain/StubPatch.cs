namespace Harness.Toolchain;

/// <summary>Another text at one place of the runtime's assembly: a planted defect.</summary>
/// <param name="File">Relative to the fixtures.</param>
/// <param name="Find">What stands there: whole lines, without the white space around them and without comments at their ends.</param>
/// <param name="Replace">What stands there instead; empty: nothing.</param>
/// <param name="Occurrence">Of the places where that stands, which one, from 0.</param>
public sealed record StubPatch(string File, string Find, string Replace, int Occurrence = 0)
{
    /// <summary>How often the changed code ran (zig-fixtures/worker/main.zig). Flags are nobody's where the stubs are patched.</summary>
    private const string Reached = "hs_planted_reached";

    private static readonly string[] _folders = ["runtime", "worker"];

    /// <summary>Whether the part is made of this file: a header is in every one.</summary>
    public bool Concerns(RuntimePart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.IsAssembly && (part.Source == File || File.EndsWith(".h", StringComparison.Ordinal));
    }

    /// <summary>Copies the assembly's sources into a directory, this file of them changed; the path of <paramref name="source"/> there.</summary>
    /// <exception cref="ToolchainException">The text is not there.</exception>
    public string Apply(FixtureLayout fixtures, string source, string directory)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        foreach (var path in _folders.SelectMany(folder => Directory.EnumerateFiles(fixtures.PathOf(folder)).Where(IsAssembly)))
        {
            var copy = Path.Combine(directory, Path.GetRelativePath(fixtures.PathOf("."), path));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            System.IO.File.Copy(path, copy, overwrite: true);
        }

        var changed = Path.Combine(directory, File);
        System.IO.File.WriteAllText(changed, Changed(System.IO.File.ReadAllText(changed)));
        return Path.Combine(directory, source);
    }

    /// <summary>The file's text with the other one in place, and a count of how often it is come by.</summary>
    /// <exception cref="ToolchainException">The text is not there so often.</exception>
    public string Changed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var lines = text.Split('\n').ToList();
        var wanted = Find.Split('\n');
        var found = -1;
        for (var left = Occurrence; left >= 0; left--)
        {
            found = Enumerable.Range(found + 1, Math.Max(0, lines.Count - wanted.Length - found)).FirstOrDefault(at => Matches(lines, at, wanted), -1);
            if (found < 0)
            {
                throw new ToolchainException($"{File} has no occurrence {Occurrence} of `{wanted[0]}`: a planted defect has lost its place; adapt StubPatches.cs");
            }
        }

        lines.RemoveRange(found, wanted.Length);
        lines.InsertRange(found, [$"    incq {Reached}(%rip)", .. Replace.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => "    " + line)]);
        // A worker has the counter; a program that is linked without one gets it here.
        return string.Join('\n', lines) + $"""

                .pushsection .bss
                .weak {Reached}
                .p2align 3
            {Reached}:
                .zero 8
                .popsection

            """;
    }

    private static bool Matches(List<string> lines, int at, string[] wanted) =>
        at + wanted.Length <= lines.Count && wanted.Select((line, i) => Code(lines[at + i]) == line).All(same => same);

    private static string Code(string line) => line.Split("//")[0].Trim();

    private static bool IsAssembly(string path) => Path.GetExtension(path) is ".S" or ".h";
}
