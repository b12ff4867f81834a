namespace Harness.Execution;

/// <summary>Finds executables as a shell would.</summary>
public static class ExecutablePath
{
    private const UnixFileMode AnyExecute =
        UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>
    /// The full path of <paramref name="file"/>, looked up on PATH when it is a bare name; null when there is none.
    /// </summary>
    public static string? Resolve(string file)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        if (file.Contains(Path.DirectorySeparatorChar))
        {
            return IsExecutable(file) ? Path.GetFullPath(file) : null;
        }

        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, file))
            .FirstOrDefault(IsExecutable);
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & AnyExecute) != 0);
}
