using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Harness.Execution;

namespace Harness.Toolchain.Runtimes;

/// <summary>Finds what a runtime is linked with, and that the machine's libraries have it.</summary>
public static class RuntimeLibraries
{
    private const int MaxIndexBytes = 16 << 20;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>The paths to link, in order.</summary>
    /// <exception cref="ToolchainException">gcc, a library of it, or the stub in that is missing: one line that says what to install.</exception>
    public static async Task<ImmutableArray<string>> ResolveAsync(ForeignRuntime runtime, ChildProcess processes, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(processes);
        var paths = ImmutableArray.CreateBuilder<string>(runtime.Link.Length);
        var ofGcc = new List<string>();
        foreach (var link in runtime.Link)
        {
            var isGccs = link.StartsWith(ForeignRuntime.GccPrefix, StringComparison.Ordinal);
            var path = isGccs ? await AskGccAsync(runtime, link[ForeignRuntime.GccPrefix.Length..], processes, ct).ConfigureAwait(false) : link;
            paths.Add(path);
            if (isGccs)
            {
                ofGcc.Add(path);
            }
        }

        return ofGcc.Count == 0 || ofGcc.Exists(path => Defines(path, runtime.Stub.Begin))
            ? paths.MoveToImmutable()
            : throw new ToolchainException(
                $"the runtime {runtime.Name} needs {runtime.Stub.Begin}, which {string.Join(" and ", ofGcc)} lacks: that gcc was built without split stacks; Debian's has them (apt-get install gcc)");
    }

    private static async Task<string> AskGccAsync(ForeignRuntime runtime, string library, ChildProcess processes, CancellationToken ct)
    {
        var gcc = ExecutablePath.Resolve("gcc")
            ?? throw new ToolchainException($"the runtime {runtime.Name} needs gcc's {library}, and there is no gcc on PATH; install it (Debian: apt-get install gcc)");
        var request = new ProcessRequest { File = gcc, Arguments = [$"-print-file-name={library}"], Timeout = _patience, OutputCapBytes = 1 << 16 };
        var path = await processes.RunAsync(request, ct).ConfigureAwait(false) is ProcessOutcome.Exited { Code: 0 } exited ? exited.Output.Stdout.Trim() : "";
        return Path.IsPathRooted(path) && File.Exists(path)
            ? Path.GetFullPath(path)
            : throw new ToolchainException($"the runtime {runtime.Name} needs gcc's {library}, and {gcc} has none; install gcc whole (Debian: apt-get install gcc)");
    }

    /// <summary>Whether an archive's index has the symbol (the System V form, with 32-bit offsets: its first member, called "/").</summary>
    public static bool Defines(string archive, string symbol)
    {
        using var file = File.OpenRead(archive);
        Span<byte> head = stackalloc byte[8 + 60];
        if (file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length || !head.StartsWith("!<arch>\n/ "u8)
            || !int.TryParse(Encoding.ASCII.GetString(head.Slice(8 + 48, 10)).Trim(), out var bytes) || bytes is < 4 or > MaxIndexBytes)
        {
            return false;
        }

        var index = new byte[bytes];
        if (file.ReadAtLeast(index, bytes, throwOnEndOfStream: false) < bytes)
        {
            return false;
        }

        var names = 4 + (4L * BinaryPrimitives.ReadUInt32BigEndian(index));
        if (names >= bytes)
        {
            return false;
        }

        // Each name ends in a zero; the byte before the first one is made to look like such an end.
        index[names - 1] = 0;
        return index.AsSpan((int)names - 1).IndexOf(Encoding.ASCII.GetBytes($"\0{symbol}\0")) >= 0;
    }
}
