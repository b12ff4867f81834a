using Harness.Campaigns;

namespace Harness.Cli.Tests;

public sealed class CaseStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_stored_case_reads_back()
    {
        CaseStore.Write(_folder.FullName, Sample.Stored());
        Assert.Equal(Sample.Stored(), CaseStore.Read(_folder.FullName));
        Assert.Equal(Sample.Stored(), CaseStore.Read(Path.Combine(_folder.FullName, CaseStore.CaseFile)));
    }

    [Fact]
    public void The_readme_tells_the_versions_and_how_to_replay()
    {
        CaseStore.Write(_folder.FullName, Sample.Stored());
        var readme = File.ReadAllText(Path.Combine(_folder.FullName, "README.md"));
        Assert.Contains("Zig 0.16.0", readme);
        Assert.Contains("scripts/harness replay " + Sample.Stored().Token, readme);
    }

    [Fact]
    public void Writing_again_replaces_and_leaves_nothing_behind()
    {
        CaseStore.Write(_folder.FullName, Sample.Stored());
        CaseStore.Write(_folder.FullName, Sample.Stored(8));
        Assert.Equal(Sample.Document(8), CaseStore.Read(_folder.FullName).Document);
        Assert.Equal(CaseStore.Files.Order(), Directory.GetFiles(_folder.FullName).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("digest/errdefer")]
    [InlineData("../../etc/passwd")]
    [InlineData("")]
    [InlineData("///")]
    [InlineData("Ünïcödé \u0000 and spaces")]
    public void Folder_names_are_safe(string signature) => Assert.Matches("^[a-z0-9][a-z0-9-]*$", CaseStore.FolderName(signature));

    [Fact]
    public void Distinct_signatures_have_distinct_folders()
    {
        var longer = new string('x', 200);
        string[] signatures = ["a/b", "a-b", "A/B", "a b", longer, longer + "y"];
        Assert.Equal(signatures.Length, signatures.Select(CaseStore.FolderName).Distinct().Count());
        Assert.All(signatures, signature => Assert.True(CaseStore.FolderName(signature).Length < 80));
    }

    [Fact]
    public void What_is_stored_names_no_folder_of_this_machine() => Assert.Equal(
        "scratch/unit/unit.zig:3:1: error: x\nzig-fixtures/support.zig:9: note",
        new PathScrubber("/a/b c/scratch-7", "/a/checkout").Scrub("/a/b c/scratch-7/unit/unit.zig:3:1: error: x\n/a/checkout/zig-fixtures/support.zig:9: note"));

    [Fact]
    public void A_folder_without_case_json_is_no_stored_case()
    {
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "half"));
        Assert.Empty(CaseStore.Folders(_folder.FullName));
        Assert.Empty(CaseStore.Folders(Path.Combine(_folder.FullName, "missing")));
    }
}
