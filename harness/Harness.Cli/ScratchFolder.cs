namespace Harness.Cli;

/// <summary>
/// A folder for build products that is gone afterwards: as soon as it is disposed of, or, should the process be killed before, when the next command
/// makes one. A file in it is locked as long as its owner lives.
/// </summary>
public sealed class ScratchFolder : IDisposable
{
    private const string Prefix = "harness-";

    /// <summary>The locked file's name.</summary>
    public const string Held = ".held";

    private const int MaxTries = 8;
    private readonly FileStream _held;

    private ScratchFolder(string path, FileStream held) => (Path, _held) = (path, held);

    public string Path { get; }

    /// <param name="parent">Where folders for the time being are.</param>
    /// <exception cref="IOException">No folder can be made there.</exception>
    public static ScratchFolder Create(string parent)
    {
        RemoveAbandoned(parent);
        for (var tries = 1; ; tries++)
        {
            var path = System.IO.Path.Combine(parent, Prefix + System.IO.Path.GetRandomFileName());
            Make(path);
            try
            {
                return new ScratchFolder(path, new FileStream(System.IO.Path.Combine(path, Held), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException) when (tries < MaxTries)
            {
                // Another command took it for abandoned, between the file's making and its locking.
            }
        }
    }

    public void Dispose()
    {
        // First the folder, then the lock: nobody else removes it meanwhile.
        Directory.Delete(Path, recursive: true);
        _held.Dispose();
    }

    /// <summary>Nobody else's to look into: others may write where it is.</summary>
    private static void Make(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Best effort: what another user has, or somebody holds, stays.</summary>
    private static void RemoveAbandoned(string parent)
    {
        foreach (var folder in new DirectoryInfo(parent).EnumerateDirectories(Prefix + "*").Where(folder => folder.LinkTarget is null))
        {
            try
            {
                using var held = new FileStream(System.IO.Path.Combine(folder.FullName, Held), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                folder.Delete(recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
            }
        }
    }
}
