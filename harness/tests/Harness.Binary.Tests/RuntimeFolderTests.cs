using System.Text.Json.Nodes;
using Harness.Execution;
using Harness.Toolchain;
using Harness.Toolchain.Runtimes;

namespace Harness.Binary.Tests;

/// <summary>Descriptions of runtimes: those that come with the harness, and damaged ones.</summary>
public sealed class RuntimeFolderTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Those_that_come_with_the_harness_can_be_read()
    {
        Assert.Equal(["example", "example-broken", "example-pass", "libgcc"], RuntimeFolder.ShippedNames(Tools.Fixtures));
        Assert.All(RuntimeFolder.ShippedNames(Tools.Fixtures), name => Assert.Equal(name, RuntimeFolder.Find(Tools.Fixtures, name).Name));
        var byPath = RuntimeFolder.Find(Tools.Fixtures, Path.Combine(Tools.Fixtures.Root, "foreign", "libgcc", RuntimeFolder.FileName));
        Assert.Equal(RuntimeFolder.Find(Tools.Fixtures, "libgcc"), byPath);
    }

    [Theory]
    [InlineData("format", "\"split-runtime 2\"", "format \"split-runtime 2\" is not")]
    [InlineData("name", "\"Ours!\"", "a name is one word")]
    [InlineData("name", "\"ours\"", "a name is one word")]
    [InlineData("about", "\"two\\nlines\"", "a text of one line")]
    [InlineData("surprise", "1", "unknown property \"surprise\"")]
    [InlineData("routes", "null", "either \"routes\"")]
    [InlineData("routes", "[]", "it is empty")]
    [InlineData("routes", "[\"command\"]", "not as a route")]
    [InlineData("routes", "[\"stack\"]", "\"stack\" is not one of attribute, thunk, assembly")]
    [InlineData("prologue", "{\"command\":[\"x\"]}", "either \"routes\"")]
    [InlineData("sources", "[\"absent.c\"]", "absent.c is not there")]
    [InlineData("sources", "[\"source.rs\"]", "is no .c, .S or .zig file")]
    [InlineData("link", "[\"gcc:\"]", "behind gcc:")]
    [InlineData("link", "[\"absent.a\"]", "absent.a is not there")]
    [InlineData("stub", "{\"begin\":\"a b\",\"end\":\"c\"}", "is no symbol")]
    [InlineData("can", "{\"forces\":true}", "property \"threads\" is missing")]
    [InlineData("can", "{\"forces\":1,\"threads\":true,\"signals\":true,\"slackBytes\":0}", "true or false")]
    [InlineData("can", "{\"forces\":true,\"threads\":true,\"signals\":true,\"slackBytes\":-1}", "a number from 0")]
    public void What_is_wrong_with_a_description_is_said_in_one_line(string property, string value, string expected)
    {
        var error = Assert.Throws<InvalidDataException>(() => RuntimeFolder.Find(Tools.Fixtures, Folder(property, value)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.StartsWith("--runtime ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[\"sh\", \"{in}\"]", "has no {out}")]
    [InlineData("[\"sh\", \"{in}\", \"{out}\", \"{home}\"]", "{home} is no placeholder")]
    [InlineData("[]", "it is empty")]
    public void What_is_wrong_with_a_command_is_said_in_one_line(string command, string expected)
    {
        var folder = Folder("prologue", $$"""{ "command": {{command}} }""", without: "routes");
        var error = Assert.Throws<InvalidDataException>(() => RuntimeFolder.Find(Tools.Fixtures, folder));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("\u0000")]
    public void No_json_is_said_in_one_line(string text)
    {
        File.WriteAllText(_scratch[RuntimeFolder.FileName], text);
        Assert.DoesNotContain('\n', Assert.Throws<InvalidDataException>(() => RuntimeFolder.Find(Tools.Fixtures, _scratch.Path)).Message);
    }

    [Fact]
    public void A_folder_without_one_is_told_what_there_is() => Assert.Contains(
        "give ours, example, example-broken, example-pass, libgcc, or a folder",
        Assert.Throws<InvalidDataException>(() => RuntimeFolder.Find(Tools.Fixtures, "nothing")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_command_gets_its_placeholders_filled_in()
    {
        var runtime = RuntimeFolder.Find(Tools.Fixtures, "example-pass");
        var values = ForeignRuntime.Placeholders.ToDictionary(name => name, name => $"<{name}>");
        Assert.Equal(["sh", "<folder>/pass.sh", "<zig>", "<in>", "<rt>", "<out>", "<mode>", "<target>"], runtime.Fill(values));
    }

    /// <summary>An archive whose index has one name, and texts that are none.</summary>
    [Fact]
    public async Task A_library_without_the_stub_is_said_in_one_line()
    {
        byte[] index = [0, 0, 0, 1, 0, 0, 0, 0, .. "__morestack\0"u8];
        File.WriteAllBytes(_scratch["some.a"], [.. "!<arch>\n"u8, .. Header(index.Length), .. index]);
        Assert.True(RuntimeLibraries.Defines(_scratch["some.a"], "__morestack"));
        Assert.False(RuntimeLibraries.Defines(_scratch["some.a"], "morestack"));
        Assert.False(RuntimeLibraries.Defines(_scratch["some.a"], "__morestack_get_guard"));
        File.WriteAllBytes(_scratch["cut.a"], [.. "!<arch>\n"u8, .. Header(1 << 20), .. index]);
        Assert.False(RuntimeLibraries.Defines(_scratch["cut.a"], "__morestack"));
        File.WriteAllText(_scratch["none.a"], "text");
        Assert.False(RuntimeLibraries.Defines(_scratch["none.a"], "__morestack"));

        var runtime = RuntimeFolder.Find(Tools.Fixtures, "libgcc") with { Link = ["gcc:libabsent.a"] };
        var error = await Assert.ThrowsAsync<ToolchainException>(() => RuntimeLibraries.ResolveAsync(runtime, ChildProcess.Bare, CancellationToken.None));
        Assert.Contains("install", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static byte[] Header(int bytes) => [.. System.Text.Encoding.ASCII.GetBytes($"/               0           0     0     0       {bytes,-10}`\n")];

    /// <summary>A sound description with one property changed; <c>null</c> takes it out.</summary>
    private string Folder(string property, string value, string? without = null)
    {
        File.WriteAllText(_scratch["source.c"], "");
        File.WriteAllText(_scratch["source.rs"], "");
        var json = JsonNode.Parse(
            """
            {
              "format": "split-runtime 1", "name": "mine", "about": "A sentence.", "routes": ["attribute"], "sources": ["source.c"],
              "stub": { "begin": "a", "end": "b" }, "can": { "forces": true, "threads": true, "signals": true, "slackBytes": 0 }
            }
            """)!.AsObject();
        json[property] = JsonNode.Parse(value);
        foreach (var gone in value == "null" ? [property] : without is null ? (string[])[] : [without])
        {
            json.Remove(gone);
        }

        File.WriteAllText(_scratch[RuntimeFolder.FileName], json.ToJsonString(new() { WriteIndented = true, NewLine = "\n" }));
        return _scratch.Path;
    }
}
