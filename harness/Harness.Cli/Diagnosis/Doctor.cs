using System.Globalization;
using System.Text.Json.Serialization;
using Harness.Campaigns;
using Harness.Execution;
using Harness.Toolchain;

namespace Harness.Cli.Diagnosis;

/// <summary>One line of <c>doctor</c>.</summary>
/// <param name="Needed">Without it runs do not work; the others only add to what can be checked.</param>
public sealed record Diagnosis(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("ok")] bool Ok,
    [property: JsonPropertyName("needed")] bool Needed,
    [property: JsonPropertyName("detail")] string Detail);

/// <summary>Looks at the machine. Changes nothing and installs nothing.</summary>
public sealed class Doctor(string root, ResultsLayout results, Func<CancellationToken, Task<Diagnosis>> zig)
{
    private const long NeededSpaceBytes = 2L << 30;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>Names of packages are Debian's.</summary>
    private static readonly (string Name, string[] Commands, bool Needed, string Without)[] _tools =
    [
        ("dotnet", ["dotnet"], true, "install the .NET 10 SDK"),
        ("node", ["node"], false, "needed only to install the pinned Zig; or give --zig"),
        ("npm", ["npm"], false, "needed only to install the pinned Zig; or give --zig"),
        ("git", ["git"], false, "versions then show no commit"),
        ("gdb", ["gdb"], false, "no replay --gdb; apt install gdb"),
        ("eu-stack", ["eu-stack"], false, "no second opinion on stack traces from elfutils; apt install elfutils"),
        ("readelf", ["readelf"], false, "tests do not compare what is read of objects and unwind rows with binutils; apt install binutils"),
        ("llvm-symbolizer", ["llvm-symbolizer", "llvm-symbolizer-19"], false, "tests do not compare inlined callers with LLVM's reader; apt install llvm"),
        ("objdump", ["objdump"], false, "nothing shows machine code in the files that reports name; apt install binutils"),
        ("gcc", ["gcc"], false, "bench runtime does not measure libgcc's split stacks; apt install gcc"),
        ("go", ["go"], false, "bench runtime does not measure goroutines; apt install golang-go"),
        ("qemu", ["qemu-x86_64", "qemu-aarch64", "qemu-x86_64-static"], false, "no foreign targets"),
        ("wine", ["wine64", "wine"], false, "no Windows targets"),
    ];

    /// <summary>Unwinders that workers load and ask (zig-fixtures/worker/opinions.zig).</summary>
    private static readonly (string File, string Owner, string Package)[] _unwinders =
    [
        ("libgcc_s.so.1", "GCC's", "libgcc-s1"), ("libunwind.so.1", "LLVM's", "libunwind-19"), ("libunwind.so.8", "nongnu.org's", "libunwind8"),
    ];

    /// <summary>Where distributions put libraries for x86-64.</summary>
    private static readonly string[] _libraryFolders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"];

    public async Task<IReadOnlyList<Diagnosis>> ExamineAsync(CancellationToken ct)
    {
        var tools = await Task.WhenAll(_tools.Select(tool => ToolAsync(tool.Name, tool.Commands, tool.Needed, tool.Without, ct))).ConfigureAwait(false);
        return [await zig(ct).ConfigureAwait(false), .. tools, .. _unwinders.Select(Unwinder), BoostContext(), Machine(), Space(), ResultsFolder(), Cores(), CorePattern(), Confinement()];
    }

    private static async Task<Diagnosis> ToolAsync(string name, string[] commands, bool needed, string without, CancellationToken ct)
    {
        var command = commands.FirstOrDefault(command => ExecutablePath.Resolve(command) is not null);
        if (command is null)
        {
            return new Diagnosis(name, false, needed, $"not found: {without}");
        }

        var request = new ProcessRequest { File = command, Arguments = [command is "go" ? "version" : "--version"], Timeout = _patience };
        var outcome = await ChildProcess.Bare.RunAsync(request, ct).ConfigureAwait(false);
        var version = outcome is ProcessOutcome.Exited { Code: 0, Output: var output } ? FirstLine(output.Stdout) : "";
        return version.Length > 0
            ? new Diagnosis(name, true, needed, $"{version} ({ExecutablePath.Resolve(command)})")
            : new Diagnosis(name, false, needed, $"{ExecutablePath.Resolve(command)} does not tell its version: {without}");
    }

    private static Diagnosis Unwinder((string File, string Owner, string Package) library)
    {
        var found = _libraryFolders.Select(folder => Path.Combine(folder, library.File)).FirstOrDefault(File.Exists);
        return new Diagnosis(
            library.File, found is not null, false,
            found ?? $"not found: {library.Owner} unwinder gives no second opinion on stack traces; apt install {library.Package}");
    }

    private static Diagnosis BoostContext()
    {
        var archive = BenchmarkTools.Find().BoostContext;
        return new Diagnosis(
            "boost", archive is not null, false,
            archive ?? "libboost_context.a not found: bench runtime does not measure Boost's fcontext; apt install libboost-context-dev");
    }

    private static Diagnosis Machine()
    {
        var supported = OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.OSArchitecture is System.Runtime.InteropServices.Architecture.X64;
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30);
        var detail = string.Create(
            CultureInfo.InvariantCulture,
            $"{System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}, {Environment.ProcessorCount} cores, {memory:0.0} GiB of memory");
        return new Diagnosis("machine", supported, true, supported ? detail : detail + "; the harness runs on x86_64 Linux");
    }

    private Diagnosis Space()
    {
        var drive = new DriveInfo(Directory.Exists(results.Root) ? results.Root : root);
        var free = drive.AvailableFreeSpace;
        var detail = string.Create(CultureInfo.InvariantCulture, $"{free / (double)(1L << 30):0.0} GiB free for results and build products");
        return new Diagnosis("space", free >= NeededSpaceBytes, true, free >= NeededSpaceBytes ? detail : $"{detail}; make it at least {NeededSpaceBytes >> 30} GiB");
    }

    private Diagnosis ResultsFolder()
    {
        var probe = Path.Combine(results.Root, $".doctor-{Environment.ProcessId}");
        try
        {
            Directory.CreateDirectory(results.Root);
            File.WriteAllText(probe, "");
            File.Delete(probe);
            return new Diagnosis("results", true, true, results.Root);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            return new Diagnosis("results", false, true, $"{results.Root} cannot be written ({e.Message}); give --results DIR");
        }
    }

    private static Diagnosis Cores()
    {
        const string limits = "/proc/self/limits";
        var line = File.Exists(limits)
            ? File.ReadLines(limits).FirstOrDefault(line => line.StartsWith("Max core file size", StringComparison.Ordinal))
            : null;
        var hard = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [.., var value, _] ? value : "unknown";
        return new Diagnosis("core limit", hard is not "0", false, hard is "0" ? "core dumps are off and cannot be switched on" : $"hard limit {hard}");
    }

    private static Diagnosis CorePattern()
    {
        const string path = "/proc/sys/kernel/core_pattern";
        var pattern = File.Exists(path) ? File.ReadAllText(path).Trim() : "";
        var piped = pattern.StartsWith('|');
        return new Diagnosis("core pattern", pattern.Length > 0 && !piped, false, piped ? "cores go to a program, not to a file" : pattern);
    }

    /// <summary>What the kernel can do with a system call that a filter does not allow (seccomp(2), /proc interfaces): worker/confine.zig refuses and kills.</summary>
    private static Diagnosis Confinement()
    {
        const string path = "/proc/sys/kernel/seccomp/actions_avail";
        var actions = File.Exists(path) ? File.ReadAllText(path).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) : [];
        var there = actions.Contains("errno") && actions.Contains("kill_process");
        return new Diagnosis(
            "confinement", there, true,
            there ? "seccomp: generated programs get no sockets and no other process" : "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), without which no generated program is run");
    }

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].Trim();
}
