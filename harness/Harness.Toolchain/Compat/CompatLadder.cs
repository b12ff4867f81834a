using System.Collections.Immutable;
using Harness.Execution;
using Harness.Model;

namespace Harness.Toolchain.Compat;

/// <summary>How far a compiler came up the ladder. A closed family.</summary>
public abstract record LadderOutcome
{
    private LadderOutcome()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>Everything compiles.</summary>
    public sealed record Climbed(int Rungs) : LadderOutcome { internal override Sealed Seal => default; }

    /// <summary>It says that something is no Zig: a release that differs.</summary>
    /// <param name="Construct">The first that failed, in words.</param>
    /// <param name="Error">The first line of what it said.</param>
    public sealed record Unsupported(string Construct, string Error) : LadderOutcome { internal override Sealed Seal => default; }

    /// <summary>It crashes, hangs, or does not do what it says.</summary>
    public sealed record Broken(string Construct, string Error) : LadderOutcome { internal override Sealed Seal => default; }
}

/// <summary>
/// Compiles small files in order, from trivial on, then what workers are made of: the first that fails names the construct that a release changed. Nothing that a
/// compiler does is an exception.
/// </summary>
public sealed class CompatLadder(ZigInstallation zig, FixtureLayout fixtures, string cacheRoot)
{
    private const string Folder = "compat";
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(3);
    private readonly ZigCommand _compiler = new(zig, ChildProcess.Bare, Path.Combine(cacheRoot, "zig-ladder"));

    /// <param name="onRung">Told of each, before it is tried.</param>
    public async Task<LadderOutcome> ClimbAsync(string directory, Action<string> onRung, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(onRung);
        var rungs = 0;
        foreach (var (construct, arguments, product) in Rungs(directory))
        {
            onRung(construct);
            rungs++;
            if (await TryAsync(construct, arguments, product, directory, ct).ConfigureAwait(false) is { } failed)
            {
                return failed;
            }
        }

        foreach (var (construct, build) in Products())
        {
            onRung(construct);
            rungs++;
            try
            {
                await build(ct).ConfigureAwait(false);
            }
            catch (ToolchainException e)
            {
                return e.Result is ZigResult.Crashed or ZigResult.TimedOut ? new LadderOutcome.Broken(construct, FirstError(e.Message)) : new LadderOutcome.Unsupported(construct, FirstError(e.Message));
            }
        }

        return new LadderOutcome.Climbed(rungs);
    }

    private IEnumerable<(string Construct, string[] Arguments, string Product)> Rungs(string directory)
    {
        var files = Directory.EnumerateFiles(fixtures.PathOf(Folder), "*.zig").Where(file => char.IsAsciiDigit(Path.GetFileName(file)[0])).Order(StringComparer.Ordinal);
        // Debug: the optimiser needs minutes for std.debug on a busy machine, and slow is not broken.
        string[] common = ["build-obj", "-target", Cell.LinuxGnu, "-O", "Debug"];
        foreach (var file in files)
        {
            var product = Path.Combine(directory, Path.GetFileNameWithoutExtension(file) + ".o");
            yield return ($"{File.ReadLines(file).First().TrimStart('/', '!', ' ')} (zig-fixtures/{Folder}/{Path.GetFileName(file)})", [.. common, file, "-femit-bin=" + product], product);
        }

        var first = files.First();
        var (own, ir, assembly, code) = (Path.Combine(directory, "own.o"), Path.Combine(directory, "ir.ll"), Path.Combine(directory, "asm.s"), Path.Combine(directory, "code.o"));
        yield return ("the self-hosted backend in Debug (-fno-llvm)", ["build-obj", "-target", Cell.LinuxGnu, "-fno-llvm", first, "-femit-bin=" + own], own);
        yield return ("LLVM IR as text (-femit-llvm-ir)", [.. common, first, "-fllvm", "-fno-emit-bin", "-femit-llvm-ir=" + ir], ir);
        yield return ("assembly as text (-femit-asm)", [.. common, first, "-fllvm", "-fno-emit-bin", "-femit-asm=" + assembly], assembly);
        yield return ("code generation from LLVM IR (zig clang)", ["clang", "-c", "-O1", "-target", Cell.LinuxGnu, "-Wno-override-module", ir, "-o", code], code);
    }

    /// <summary>What a campaign builds first.</summary>
    private IEnumerable<(string Construct, Func<CancellationToken, Task> Build)> Products()
    {
        var cache = new ToolCache(zig, fixtures, cacheRoot);
        yield return ("the launcher of children (zig-fixtures/worker/launch.zig)", ct => cache.LauncherAsync(ct));
        foreach (var part in RuntimeRecipe.Standard.Parts)
        {
            yield return ($"{part.Name} (zig-fixtures/{part.Source})", ct => cache.RuntimeAsync(new RuntimeRecipe([part]), Cell.LinuxGnu, ct));
        }
    }

    /// <returns>Null: it compiles.</returns>
    private async Task<LadderOutcome?> TryAsync(string construct, string[] arguments, string product, string directory, CancellationToken ct)
    {
        ZigResult result;
        try
        {
            result = await OnceAsync(arguments, directory, ct).ConfigureAwait(false);
        }
        catch (ToolchainException e)
        {
            return new LadderOutcome.Broken(construct, e.Message);
        }

        switch (result)
        {
            case ZigResult.Done:
                return File.Exists(product) && new FileInfo(product).Length > 0 ? null : new LadderOutcome.Broken(construct, "it says that it is done, and wrote nothing");
            case ZigResult.Diagnosed diagnosed:
                return new LadderOutcome.Unsupported(construct, FirstError(diagnosed.Diagnostics));
            case ZigResult.TimedOut:
                return new LadderOutcome.Broken(construct, $"it does not end within {_timeout.TotalSeconds:0} s");
            case ZigResult.Crashed crashed:
                var again = await OnceAsync(arguments, directory, ct).ConfigureAwait(false);
                return new LadderOutcome.Broken(construct, $"it crashes{(again is ZigResult.Crashed ? "" : " now and then")}: {FirstError(crashed.Detail)}");
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private Task<ZigResult> OnceAsync(string[] arguments, string directory, CancellationToken ct) => arguments[0] == "clang"
        ? _compiler.RunAsync(arguments, directory, _timeout, ct)
        : _compiler.CompileAsync(arguments, directory, _timeout, ct);

    /// <summary>What became of a unit, as a rung of the ladder.</summary>
    /// <returns>Null: it was built.</returns>
    public static LadderOutcome? Of(string construct, BuildOutcome outcome) => outcome switch
    {
        BuildOutcome.Built => null,
        BuildOutcome.Rejected rejected => new LadderOutcome.Unsupported(construct, FirstError(rejected.Diagnostics)),
        BuildOutcome.CompilerCrashed crashed => new LadderOutcome.Broken(construct, $"it crashes: {FirstError(crashed.Detail)}"),
        BuildOutcome.TimedOut timedOut => new LadderOutcome.Broken(construct, $"no end of {timedOut.Command}"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The first line that names an error, else the first.</summary>
    private static string FirstError(string text)
    {
        const int longest = 300;
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToImmutableArray();
        var line = lines.FirstOrDefault(line => line.Contains("error:", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? "nothing was said";
        return line.Length <= longest ? line : line[..longest] + "…";
    }
}
