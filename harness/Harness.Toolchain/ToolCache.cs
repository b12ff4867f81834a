using System.Collections.Concurrent;
using System.Collections.Immutable;
using Harness.Execution;

namespace Harness.Toolchain;

/// <summary>
/// What is built once for a compiler and a state of the fixtures: the launcher and the runtime's objects. Lives in a
/// directory named after both; several harnesses may share it.
/// </summary>
public sealed class ToolCache
{
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(10);
    private static int _serial;
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _built = new();
    private readonly FixtureLayout _fixtures;
    private readonly ZigInstallation _zig;
    private readonly string _globalCache;

    /// <param name="root">For instance <c>.cache</c> in the repository.</param>
    public ToolCache(ZigInstallation zig, FixtureLayout fixtures, string root)
    {
        ArgumentNullException.ThrowIfNull(zig);
        ArgumentNullException.ThrowIfNull(fixtures);
        _zig = zig;
        _fixtures = fixtures;
        var version = string.Concat(zig.Version.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c : '_'));
        _globalCache = Path.GetFullPath(Path.Combine(root, $"zig-{version}"));
        CacheDirectory = Path.GetFullPath(Path.Combine(root, $"tools-{version}-{fixtures.ContentHash()}"));
        Directory.CreateDirectory(CacheDirectory);
    }

    public string CacheDirectory { get; }

    /// <summary>Starts children through the launcher, which is built first if need be.</summary>
    /// <exception cref="ToolchainException">The launcher does not build.</exception>
    public async Task<ChildProcess> ProcessesAsync(CancellationToken ct) =>
        new(await LauncherAsync(ct).ConfigureAwait(false));

    /// <summary>The compiler, run through the launcher.</summary>
    /// <exception cref="ToolchainException">The launcher does not build.</exception>
    public async Task<ZigCommand> CompilerAsync(CancellationToken ct) =>
        new(_zig, await ProcessesAsync(ct).ConfigureAwait(false), _globalCache);

    /// <summary>The path of the launcher.</summary>
    /// <exception cref="ToolchainException">It does not build.</exception>
    public Task<string> LauncherAsync(CancellationToken ct)
    {
        var bare = new ZigCommand(_zig, ChildProcess.Bare, _globalCache);
        return OnceAsync(
            "launch", bare, target =>
            [
                "build-exe", "-target", "x86_64-linux-none", "-O", "ReleaseSmall", "-fstrip", "-fsingle-threaded",
                "-Mroot=" + _fixtures.Launcher, "-femit-bin=" + target,
            ], ct);
    }

    /// <summary>The objects of a recipe, in its order.</summary>
    /// <exception cref="ToolchainException">One does not build.</exception>
    public async Task<ImmutableArray<string>> RuntimeAsync(RuntimeRecipe recipe, string target, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var compiler = await CompilerAsync(ct).ConfigureAwait(false);
        var result = ImmutableArray.CreateBuilder<string>(recipe.Parts.Length);
        foreach (var part in recipe.Parts)
        {
            var name = $"{part.Name}-{target}-{part.Hash(_fixtures)}.o";
            result.Add(await OnceAsync(name, compiler, output => RuntimeCommand.Arguments(part, target, SourceOf(part, output), _fixtures.PathOf, output), ct)
                .ConfigureAwait(false));
        }

        return result.MoveToImmutable();
    }

    private string SourceOf(RuntimePart part, string output) =>
        part.Patch is { } patch ? patch.Apply(_fixtures, part.Source, Path.GetDirectoryName(output)!) : _fixtures.PathOf(part.Source);

    /// <summary>
    /// Builds a file unless it is there: in this process once, and under another name first, so that it is whole when
    /// it appears.
    /// </summary>
    private async Task<string> OnceAsync(
        string name, ZigCommand compiler, Func<string, List<string>> arguments, CancellationToken ct)
    {
        // Shared by all who wait for it, so no single one's cancellation may end it.
        var lazy = _built.GetOrAdd(name, _ => new(() => BuildAsync(name, compiler, arguments, CancellationToken.None)));
        try
        {
            return await lazy.Value.WaitAsync(ct).ConfigureAwait(false);
        }
        catch when (lazy.Value.IsFaulted)
        {
            _built.TryRemove(new(name, lazy)); // The next caller tries again.
            throw;
        }
    }

    private async Task<string> BuildAsync(
        string name, ZigCommand compiler, Func<string, List<string>> arguments, CancellationToken ct)
    {
        var path = Path.Combine(CacheDirectory, name);
        if (File.Exists(path))
        {
            return path;
        }

        var work = Path.Combine(
            CacheDirectory, $"building-{Environment.ProcessId}-{Interlocked.Increment(ref _serial)}");
        Directory.CreateDirectory(work);
        try
        {
            var output = Path.Combine(work, name);
            var command = arguments(output);
            var result = command[0] == "clang"
                ? await compiler.RunAsync(command, work, _timeout, ct).ConfigureAwait(false)
                : await compiler.CompileAsync(command, work, _timeout, ct).ConfigureAwait(false);
            if (result is not ZigResult.Done)
            {
                throw new ToolchainException($"{name} does not build with Zig {_zig.Version}: {Describe(result)}") { Result = result };
            }

            File.Move(output, path, overwrite: true);
            return path;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string Describe(ZigResult result) => result switch
    {
        ZigResult.Diagnosed diagnosed => diagnosed.Diagnostics,
        ZigResult.Crashed crashed => crashed.Detail,
        ZigResult.TimedOut timedOut => $"`{timedOut.Command}` does not end within {timedOut.Elapsed.TotalSeconds:0} s",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
