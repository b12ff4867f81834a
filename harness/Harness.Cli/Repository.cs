namespace Harness.Cli;

/// <summary>Finds the checkout that this program was built from: its Zig sources and its results folder.</summary>
public static class Repository
{
    public const string RootVariable = "HARNESS_ROOT";

    private const string Marker = "Harness.sln";

    /// <exception cref="Campaigns.EnvironmentUnusableException"/>
    public static string Root()
    {
        if (Environment.GetEnvironmentVariable(RootVariable) is { Length: > 0 } given && File.Exists(Path.Combine(given, Marker)))
        {
            return Path.GetFullPath(given);
        }

        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, Marker)))
            {
                return directory.FullName;
            }
        }

        throw new Campaigns.EnvironmentUnusableException(
            $"the checkout was not found above {AppContext.BaseDirectory}; run scripts/harness, or set {RootVariable} to the folder of {Marker}");
    }

    /// <summary>How the user would write the path from where they are.</summary>
    public static string Shown(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? Path.GetFullPath(path) : relative;
    }
}
