using Harness.Execution;

namespace Harness.Cli.Tests;

/// <summary>What <c>scripts/test</c> makes of what its tools say, in a checkout with one project and one Zig test.</summary>
public sealed class ScriptTests : IDisposable
{
    private const int Timeout = 60_000;
    private const string Passed = "echo 'Passed!  - Failed:     0, Passed:     3, Skipped:     1, Total:     4, Duration: 1 s - Some.Tests.dll (net10.0)'";
    private const string ZigPassed = "echo 'All 2 tests passed.'";

    private readonly string _root = Directory.CreateTempSubdirectory("harness-scripts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact(Timeout = Timeout)]
    public async Task The_last_line_counts_what_all_parts_said()
    {
        var (code, text) = await RunAsync(Passed, ZigPassed);
        Assert.Equal((0, "5 passed, 0 failed"), (code, text.Split('\n')[^1]));
    }

    [Theory(Timeout = Timeout)]
    [InlineData("echo 'Failed!  - Failed:     2, Passed:     1, Skipped:     0, Total:     3, Duration: 1 s'; exit 1", "3 passed, 2 failed")]
    [InlineData("echo 'Passed!  - Failed:     0, Passed:     3, Skipped:     0, Total:     3, Duration: 1 s'; exit 1", "5 passed, 1 failed")]
    [InlineData("exit 1", "2 passed, 1 failed")]
    // As it ends when something outside ends its test host: well, and with nothing to say.
    [InlineData("exit 0", "2 passed, 1 failed")]
    [InlineData("kill -TERM $$", "2 passed, 1 failed")]
    public async Task A_project_that_fails_or_says_nothing_is_not_a_success(string dotnet, string last)
    {
        var (code, text) = await RunAsync(dotnet, ZigPassed);
        Assert.Equal((1, last), (code, text.Split('\n')[^1]));
    }

    [Theory(Timeout = Timeout)]
    [InlineData("exit 1")]
    [InlineData("exit 0")]
    public async Task Zig_tests_that_say_nothing_are_not_a_success(string zig)
    {
        var (code, text) = await RunAsync(Passed, zig);
        Assert.Equal((1, "3 passed, 1 failed"), (code, text.Split('\n')[^1]));
    }

    /// <param name="dotnet">What <c>dotnet test</c> does.</param>
    /// <param name="zig">What <c>zig test</c> does.</param>
    private async Task<(int Code, string Text)> RunAsync(string dotnet, string zig)
    {
        foreach (var script in (string[])["test", "lib.sh"])
        {
            Write($"scripts/{script}", File.ReadAllText(Path.Combine(Repository.Root(), "scripts", script)));
        }

        foreach (var empty in (string[])["harness/tests/Some.Tests/Some.Tests.csproj", "generators/none", "Directory.Build.props", "Directory.Build.targets",
            "Directory.Packages.props", "Harness.sln", "global.json", ".editorconfig", "zig-fixtures/support/support.zig", "zig-fixtures/some/tests.zig"])
        {
            Write(empty, "");
        }

        Write("bin/dotnet", $"#!/bin/sh\n[ \"$1\" = test ] || exit 0\n{dotnet}\n");
        Write("bin/zig", $"#!/bin/sh\n{zig}\n");
        var outcome = await ChildProcess.Bare.RunAsync(
            new ProcessRequest
            {
                File = Path.Combine(_root, "scripts", "test"), Timeout = TimeSpan.FromMilliseconds(Timeout),
                Environment = new Dictionary<string, string?>
                {
                    ["PATH"] = $"{Path.Combine(_root, "bin")}:{Environment.GetEnvironmentVariable("PATH")}", ["HARNESS_ZIG"] = Path.Combine(_root, "bin", "zig"),
                },
            },
            CancellationToken.None);
        var exited = Assert.IsType<ProcessOutcome.Exited>(outcome);
        return (exited.Code, exited.Output.Stdout.TrimEnd());
    }

    private void Write(string name, string text)
    {
        var path = Path.Combine(_root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
