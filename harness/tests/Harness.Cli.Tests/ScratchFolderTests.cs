namespace Harness.Cli.Tests;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class ScratchFolderTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("scratch-test-");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void It_is_gone_afterwards_with_all_that_is_in_it()
    {
        using (var scratch = ScratchFolder.Create(_parent.FullName))
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(scratch.Path, "unit")).FullName, "unit.o"), "");
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(scratch.Path));
        }

        Assert.Empty(_parent.EnumerateFileSystemInfos());
    }

    /// <summary>As a SIGKILL leaves it: the file is there, and nobody's.</summary>
    [Fact]
    public void The_next_command_removes_what_a_killed_one_has_left_and_nothing_else()
    {
        var abandoned = _parent.CreateSubdirectory("harness-abandoned");
        File.WriteAllText(Path.Combine(abandoned.FullName, ScratchFolder.Held), "");
        var unknown = _parent.CreateSubdirectory("harness-unknown");
        var others = _parent.CreateSubdirectory("others");
        File.WriteAllText(Path.Combine(others.FullName, ScratchFolder.Held), "");
        Directory.CreateSymbolicLink(Path.Combine(_parent.FullName, "harness-link"), others.FullName);
        using var first = ScratchFolder.Create(_parent.FullName);
        using var second = ScratchFolder.Create(_parent.FullName);
        Assert.False(Directory.Exists(abandoned.FullName));
        Assert.All([unknown.FullName, others.FullName, first.Path, second.Path], path => Assert.True(Directory.Exists(path), path));
        Assert.True(File.Exists(Path.Combine(others.FullName, ScratchFolder.Held)));
    }
}
