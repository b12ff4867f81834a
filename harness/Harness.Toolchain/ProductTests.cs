using System.Text.RegularExpressions;
using Harness.Execution;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>The product's own tests (<c>zig build test</c> in <c>zig-fixtures/runtime</c>), on its sources as they are or with a planted defect.</summary>
public sealed partial class ProductTests(FixtureLayout fixtures, ToolCache cache)
{
    private const string Package = "runtime";
    private static readonly TimeSpan _timeout = TimeSpan.FromMinutes(5);

    /// <summary>No limit on memory: what the tests reserve of the address space is no measure.</summary>
    private static readonly ResourceLimits _limits = new() { FileSizeBytes = 4L << 30 };

    /// <summary>What the tests came to.</summary>
    /// <param name="Passed">All of them.</param>
    /// <param name="FirstFailed">The first test that fails; null: none was named, because they do not build or the process ended.</param>
    /// <param name="Said">What was printed.</param>
    public sealed record Result(bool Passed, string? FirstFailed, string Said)
    {
        /// <summary>They had to be ended.</summary>
        public bool IsEndless { get; init; }
    }

    /// <param name="directory">Gets a copy of the package. Another run in it builds only what differs; one at a time.</param>
    /// <exception cref="ToolchainException">The defect has lost its place, or the compiler cannot be run.</exception>
    public async Task<Result> RunAsync(PlantedDefect? defect, string directory, CancellationToken ct)
    {
        var package = Path.Combine(directory, Package);
        Copy(fixtures.PathOf(Package), package);
        if (defect is not null)
        {
            var patch = ProductPatches.Of(defect);
            var path = Path.Combine(package, patch.File);
            await File.WriteAllTextAsync(path, patch.Changed(await File.ReadAllTextAsync(path, ct).ConfigureAwait(false)), ct).ConfigureAwait(false);
        }

        var compiler = await cache.CompilerAsync(ct).ConfigureAwait(false);
        var processes = await cache.ProcessesAsync(ct).ConfigureAwait(false);
        var request = new ProcessRequest
        {
            File = compiler.Installation.Executable,
            Arguments = ["build", "test", "-j1", "--cache-dir", Path.Combine(directory, "zig-cache"), "--global-cache-dir", compiler.GlobalCache],
            WorkingDirectory = package, Timeout = _timeout, OutputCapBytes = 1 << 20, Limits = _limits,
            Environment = new Dictionary<string, string?> { ["ZIG_LIB_DIR"] = compiler.Installation.LibDirectory, ["NO_COLOR"] = "1" },
        };
        return await processes.RunAsync(request, ct).ConfigureAwait(false) switch
        {
            ProcessOutcome.Exited { Code: 0 } => new Result(true, null, ""),
            ProcessOutcome.Exited exited => Failed(exited.Output.Stderr),
            ProcessOutcome.TimedOut => new Result(false, null, "") { IsEndless = true },
            var outcome => throw new ToolchainException($"the product's tests do not end: {outcome}"),
        };
    }

    private static Result Failed(string said) => new(false, FailedTest().Match(said) is { Success: true } match ? match.Groups["name"].Value : null, said);

    /// <summary>Files that changed, so that what is built of the others stays good.</summary>
    private static void Copy(string from, string to)
    {
        foreach (var source in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, source));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            var content = File.ReadAllBytes(source);
            if (!File.Exists(target) || !File.ReadAllBytes(target).AsSpan().SequenceEqual(content))
            {
                File.WriteAllBytes(target, content);
            }
        }
    }

    [GeneratedRegex(@"error: '\w+\.test\.(?<name>.+)' (failed|terminated|timed out)", RegexOptions.ExplicitCapture)]
    private static partial Regex FailedTest();
}
