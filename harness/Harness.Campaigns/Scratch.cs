namespace Harness.Campaigns;

/// <summary>Folders for build products.</summary>
internal static class Scratch
{
    /// <exception cref="ResultsUnwritableException"/>
    public static string Create(string directory)
    {
        try
        {
            return Directory.CreateDirectory(directory).FullName;
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(directory, e);
        }
    }

    /// <exception cref="ResultsUnwritableException">The disk is as good as full.</exception>
    public static void RequireSpace(string directory)
    {
        const long needed = 16 << 20;
        if (new DriveInfo(directory).AvailableFreeSpace < needed)
        {
            throw new ResultsUnwritableException(directory, new IOException("the disk is full; make room and go on with --resume"));
        }
    }

    /// <summary>Best effort: leftovers cost space, nothing else.</summary>
    public static void Remove(string directory)
    {
        try
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}
