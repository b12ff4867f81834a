namespace Harness.Toolchain;

/// <summary>
/// Zig's library with what keeps <c>std.Io.Evented</c> of 0.16.0 from compiling on Linux mended: two functions of
/// <c>std/Io/Uring.zig</c> may get an error from opening a file that their own error sets lack. The copy is of links but for that file.
/// </summary>
internal static class MendedLibrary
{
    private const string Evented = "std/Io/Uring.zig";

    /// <summary>The two switches, by their last named case; what they lack goes before the <c>else</c>.</summary>
    private static readonly string[] _lastCases = ["// No TMPFILE, no locks.\n            ", "// Not asking for locks.\n        "];

    private const string Rest = "else => |e| return e,";
    private const string Missing = "error.ReadOnlyFileSystem => return error.Unexpected,\n";

    /// <summary>A directory for <c>--zig-lib-dir</c>.</summary>
    /// <param name="library">The compiler's own.</param>
    /// <exception cref="ToolchainException">It has no such file.</exception>
    public static async Task<string> CreateAsync(string library, string directory, CancellationToken ct)
    {
        var source = Path.Combine(library, Evented);
        if (!File.Exists(source))
        {
            throw new ToolchainException($"{library} has no {Evented}: std.Io.Evented is not what this benchmark knows");
        }

        var text = await File.ReadAllTextAsync(source, ct).ConfigureAwait(false);
        foreach (var last in _lastCases)
        {
            text = text.Replace(last + Rest, last + Missing + Rest, StringComparison.Ordinal);
        }

        LinkAllBut(library, directory, "std");
        LinkAllBut(Path.Combine(library, "std"), Path.Combine(directory, "std"), "Io");
        LinkAllBut(Path.Combine(library, "std/Io"), Path.Combine(directory, "std/Io"), Path.GetFileName(Evented));
        await File.WriteAllTextAsync(Path.Combine(directory, Evented), text, ct).ConfigureAwait(false);
        return directory;
    }

    private static void LinkAllBut(string from, string to, string name)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in Directory.EnumerateFileSystemEntries(from).Where(entry => Path.GetFileName(entry) != name))
        {
            File.CreateSymbolicLink(Path.Combine(to, Path.GetFileName(entry)), entry);
        }
    }
}
