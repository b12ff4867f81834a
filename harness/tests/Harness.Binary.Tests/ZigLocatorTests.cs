using Harness.Toolchain;

namespace Harness.Binary.Tests;

public sealed class ZigLocatorTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigFact(Timeout = 60_000)]
    public async Task Accepts_the_pinned_install_of_the_repository()
    {
        var found = Assert.IsType<ZigLocation.Found>(await LocateAsync(null, Tools.Repository));
        Assert.Equal("node_modules", found.Source);
        Assert.True(found.Installation.IsSupported);
        Assert.True(File.Exists(Path.Combine(found.Installation.LibDirectory!, "std", "std.zig")));
    }

    [Fact(Timeout = 60_000)]
    public async Task Accepts_the_compiler_that_is_named_before_the_one_of_the_environment()
    {
        var (named, other) = (Compiler("named", "echo 0.16.0"), Compiler("other", "echo 0.16.1"));
        var found = Assert.IsType<ZigLocation.Found>(
            await LocateAsync(named, null, (ZigLocator.EnvironmentVariable, other)));
        Assert.Equal(
            (named, "--zig", "0.16.0"), (found.Installation.Executable, found.Source, found.Installation.Version));

        found = Assert.IsType<ZigLocation.Found>(
            await LocateAsync(null, Tools.Repository, (ZigLocator.EnvironmentVariable, other)));
        Assert.Equal(("0.16.1", "HARNESS_ZIG"), (found.Installation.Version, found.Source));
    }

    [Fact(Timeout = 60_000)]
    public async Task Accepts_a_named_compiler_of_another_release_and_says_that_it_is_not_supported()
    {
        var location = await LocateAsync(Compiler("zig", "echo 0.17.0-dev.12+abc"), null);
        var found = Assert.IsType<ZigLocation.Found>(location);
        Assert.False(found.Installation.IsSupported);
        Assert.Equal("0.17.0-dev.12+abc", found.Installation.Version);
    }

    [Fact(Timeout = 60_000)]
    public async Task Accepts_a_lib_directory_that_only_the_environment_names()
    {
        var compiler = Compiler("zig", "echo 0.16.0", lib: null);
        var lib = _scratch["somewhere"];
        WriteLib(lib);
        var found = Assert.IsType<ZigLocation.Found>(await LocateAsync(compiler, null, ("ZIG_LIB_DIR", lib)));
        Assert.Equal(lib, found.Installation.LibDirectory);
    }

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_named_compiler_that_is_not_there_even_if_another_is() =>
        await MissingAsync(
            "--zig names /nowhere/zig, which is not an executable file; run `npm ci` at the repository's root",
            "/nowhere/zig", Tools.Repository);

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_file_that_is_no_program()
    {
        File.WriteAllText(_scratch["zig"], "not a program");
        await MissingAsync("which is not an executable file", _scratch["zig"], null);
    }

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_program_that_says_something_else() =>
        await MissingAsync(
            "is not a working Zig compiler: `zig version` exits with 0 and says \"hello\"", Compiler(
                "zig", "echo hello; echo more"), null);

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_program_that_fails() =>
        await MissingAsync(
            "`zig version` exits with 3 and says \"oh no\"", Compiler("zig", "echo oh no >&2; exit 3"), null);

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_program_that_dies() =>
        await MissingAsync("`zig version` dies of signal 11", Compiler("zig", "kill -SEGV $$"), null);

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_program_that_is_garbage()
    {
        File.WriteAllBytes(_scratch["zig"], [0x7f, (byte)'E', (byte)'L', (byte)'F', 9, 9, 9, 9]);
        File.SetUnixFileMode(_scratch["zig"], UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await MissingAsync("is not a working Zig compiler: cannot start", _scratch["zig"], null);
    }

    [Fact(Timeout = 60_000)]
    public async Task Rejects_a_compiler_without_its_library() =>
        await MissingAsync(
            "is Zig 0.16.0 without its lib directory; set ZIG_LIB_DIR",
            Compiler("zig", "echo 0.16.0", lib: null), null);

    [Fact(Timeout = 60_000)]
    public async Task Rejects_an_environment_variable_that_names_nothing_rather_than_pass_it_over() =>
        await MissingAsync(
            "HARNESS_ZIG names /nowhere, which", null, Tools.Repository, (ZigLocator.EnvironmentVariable, "/nowhere"));

    private static async Task<ZigLocation> LocateAsync(
        string? named, string? repository, params (string Name, string Value)[] environment)
    {
        var variables = environment.ToDictionary(variable => variable.Name, variable => variable.Value);
        return await ZigLocator.LocateAsync(named, repository, CancellationToken.None, variables.GetValueOrDefault);
    }

    /// <summary>The reason is one line that ends with how to mend it.</summary>
    private static async Task MissingAsync(
        string reason, string? named, string? repository, params (string Name, string Value)[] environment)
    {
        var missing = Assert.IsType<ZigLocation.Missing>(await LocateAsync(named, repository, environment));
        Assert.Contains(reason, missing.Reason, StringComparison.Ordinal);
        Assert.Contains("run `npm ci`", missing.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', missing.Reason);
        Assert.Equal(missing.Reason, Assert.Throws<ToolchainException>(() => missing.Require()).Message);
    }

    /// <summary>A shell script in the compiler's place.</summary>
    private string Compiler(string name, string script, string? lib = "lib")
    {
        var directory = _scratch[name + "-install"];
        Directory.CreateDirectory(directory);
        if (lib is not null)
        {
            WriteLib(Path.Combine(directory, lib));
        }

        var path = Path.Combine(directory, name);
        File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    private static void WriteLib(string lib)
    {
        Directory.CreateDirectory(Path.Combine(lib, "std"));
        File.WriteAllText(Path.Combine(lib, "std", "std.zig"), "");
    }
}
