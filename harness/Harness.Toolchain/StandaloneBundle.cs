using System.Formats.Tar;
using System.IO.Compression;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>What builds a worker again where there is nothing but Zig and a shell: its unit's object, the runtime's sources, the plan, in one archive.</summary>
public static class StandaloneBundle
{
    private const string ObjectName = "unit.o";

    /// <summary>What the commands build; a folder of the archive has the worker's own name.</summary>
    public const string ProgramName = "program";
    private static readonly string[] _folders = ["runtime", "worker", "observers", "mutants"];

    /// <summary>Files by their path in the archive; the same bytes for the same files.</summary>
    /// <param name="plan">For <c>plan.bin</c>.</param>
    public static byte[] Archive(FixtureLayout fixtures, RuntimeRecipe recipe, byte[] unit, byte[] plan, string scratchDirectory)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        ArgumentNullException.ThrowIfNull(recipe);
        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal) { [ObjectName] = unit, ["plan.bin"] = plan };
        foreach (var file in _folders.SelectMany(folder => Directory.EnumerateFiles(fixtures.PathOf(folder))).Where(file => Path.GetExtension(file) is ".zig" or ".S" or ".h"))
        {
            files[Path.GetRelativePath(fixtures.Root, file).Replace('\\', '/')] = File.ReadAllBytes(file);
        }

        foreach (var part in recipe.Parts.Where(part => part.Patch is not null))
        {
            part.Patch!.Apply(fixtures, part.Source, scratchDirectory);
            files[part.Patch.File] = File.ReadAllBytes(Path.Combine(scratchDirectory, part.Patch.File));
        }

        using var buffer = new MemoryStream();
        using (var zip = new GZipStream(buffer, CompressionLevel.SmallestSize, leaveOpen: true))
        using (var tar = new TarWriter(zip, TarEntryFormat.Ustar))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch });
            }
        }

        return buffer.ToArray();
    }

    /// <summary>The commands that build <see cref="ProgramName"/> where the archive was unpacked; <c>$ZIG</c> is the compiler.</summary>
    public static IReadOnlyList<string> Commands(RuntimeRecipe recipe, Cell cell)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(cell);
        var parts = recipe.For(RuntimeRecipe.LimitSlotOf(cell)).Parts;
        return
        [
            .. parts.Select(part => Line(RuntimeCommand.Arguments(part, cell.Target, part.Source, path => path, part.Name + ".o"))),
            Line(RuntimeCommand.Link(cell.Target, ObjectName, parts.Select(part => part.Name + ".o"), [], ProgramName)),
        ];
    }

    private static string Line(IEnumerable<string> arguments) => "\"$ZIG\" " + string.Join(' ', arguments);
}
