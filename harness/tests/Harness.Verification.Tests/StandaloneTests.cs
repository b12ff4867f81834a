using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Standalone;

namespace Harness.Verification.Tests;

/// <summary>A file that shows a failure without the harness: run by a shell, with Zig and nothing else.</summary>
public sealed class StandaloneTests : IDisposable
{
    private const int Timeout = 600_000;

    private static readonly Case _case = new(
        Samples.Nested(), new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), ExecutionPlan.Baseline with { Split = new SplitPlan(SplitKind.SingleEntry, 1) });

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>As its first lines say; then once more with the defect asleep (its number in the plan is 0), when everything has to hold.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task It_fails_with_the_defect_and_holds_without()
    {
        var written = Assert.IsType<StandaloneOutcome.Written>(await WriterOf("limit_restore").WriteAsync(_case, "limit", "shown.zig", _scratch["work"], CancellationToken.None));
        File.WriteAllText(_scratch["shown.zig"], written.Text);
        var command = written.Text.Split('\n').Single(line => line.StartsWith("//!     sed ", StringComparison.Ordinal))[4..].Trim();
        Assert.Equal("sed -n 's,^//[$] ,,p' shown.zig | sh -s shown.zig", command);
        const string twice = """
            code=0; ./judge < lines || code=$?; echo "planted $code"
            printf '\0\0\0\0' | dd of=plan.bin bs=1 seek=20 conv=notrunc 2>/dev/null
            code=0; ./program plan.bin status.bin > lines || code=$?
            echo "#end $code" >> lines
            code=0; ./judge < lines || code=$?; echo "sound $code"
            """;
        var script = command.Replace(" | sh -s", " | sed '$d' | cat - twice | sh -s", StringComparison.Ordinal);
        File.WriteAllText(_scratch["twice"], twice);
        var output = await ShellAsync(script);
        Assert.True(output.Stdout == "planted 1\nsound 0\n", output.Stdout + output.Stderr);
        Assert.Contains("a check failed: fail row=", output.Stderr, StringComparison.Ordinal);
        Assert.Contains("check=limit", output.Stderr, StringComparison.Ordinal);
        Assert.Contains("held: what was expected is what was observed", output.Stderr, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_scratch.Path, "zig-*"));
    }

    [ZigFact(Timeout = Timeout)]
    public async Task What_only_the_harness_can_see_is_refused_and_says_so()
    {
        var refused = Assert.IsType<StandaloneOutcome.Refused>(await WriterOf(null).WriteAsync(_case, "unwind-row", "x.zig", _scratch["work"], CancellationToken.None));
        Assert.Equal("what the check unwind-row says only the harness can see; replay shows it", refused.Reason);
    }

    private static StandaloneWriter WriterOf(string? defect) => new(Tools.Fixtures, Tools.Cache, defect is null ? null : PlantedDefect.Named(defect));

    private async Task<ProcessOutput> ShellAsync(string script)
    {
        var zig = Tools.Zig.Require();
        var request = new ProcessRequest
        {
            File = "/bin/sh", Arguments = ["-c", script], WorkingDirectory = _scratch.Path, Timeout = TimeSpan.FromMilliseconds(Timeout),
            Environment = new Dictionary<string, string?> { ["ZIG"] = zig.Executable, ["ZIG_LIB_DIR"] = zig.LibDirectory, ["TMPDIR"] = _scratch.Path },
        };
        var outcome = await (await Tools.Cache.ProcessesAsync(CancellationToken.None)).RunAsync(request, CancellationToken.None);
        return outcome is ProcessOutcome.Exited exited ? exited.Output : throw new Xunit.Sdk.XunitException($"{outcome}");
    }
}
