using System.Security.Cryptography;
using System.Text;

namespace Harness.Toolchain;

/// <summary>Where the Zig and assembly sources are that workers are built from.</summary>
public sealed record FixtureLayout
{
    private const string Folder = "zig-fixtures";

    /// <summary>The source of <see cref="Support"/>, relative to the fixtures.</summary>
    public const string SupportSource = "support/support.zig";

    private FixtureLayout(string root) => Root = root;

    /// <summary>The <c>zig-fixtures</c> directory.</summary>
    public string Root { get; }

    /// <summary>What generated units import as <c>rt</c>.</summary>
    public string Support => PathOf(SupportSource);

    public string Launcher => PathOf("worker/launch.zig");

    /// <summary>The directory itself, wherever it is.</summary>
    /// <exception cref="ToolchainException">It is not one of fixtures.</exception>
    public static FixtureLayout At(string directory)
    {
        var layout = new FixtureLayout(Path.GetFullPath(directory));
        return File.Exists(layout.Support)
            ? layout
            : throw new ToolchainException(
                $"{layout.Root} has no support/support.zig: it is not the {Folder} directory");
    }

    /// <summary>The repository's root, at or above a directory: the one with <c>zig-fixtures</c> in it.</summary>
    /// <exception cref="ToolchainException">There is none.</exception>
    public static string FindRepository(string startDirectory)
    {
        var start = Path.GetFullPath(startDirectory);
        for (var directory = start; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, Folder, "support", "support.zig")))
            {
                return directory;
            }
        }

        throw new ToolchainException($"no {Folder} directory at or above {startDirectory}; run from the repository");
    }

    /// <summary>The fixtures of the repository at or above a directory.</summary>
    /// <exception cref="ToolchainException">There is none.</exception>
    public static FixtureLayout Find(string startDirectory) => At(Path.Combine(FindRepository(startDirectory), Folder));

    /// <param name="relative">With forward slashes; an absolute path stands for itself.</param>
    public string PathOf(string relative) => Path.GetFullPath(Path.Combine(Root, relative));

    /// <summary>Changes when any source below the directory does.</summary>
    public string ContentHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".zig" or ".S" or ".h" or ".c" or ".cpp")
            .Select(file => (Name: Path.GetRelativePath(Root, file).Replace('\\', '/'), File: file))
            .OrderBy(entry => entry.Name, StringComparer.Ordinal);
        foreach (var (name, file) in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name + "\0"));
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
