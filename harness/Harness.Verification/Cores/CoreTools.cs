using System.Globalization;
using Harness.Execution;

namespace Harness.Verification.Cores;

/// <summary>Programs of others that read cores.</summary>
public enum CoreTool
{
    Gdb,

    /// <summary>elfutils: libdwfl and libdw.</summary>
    EuStack,
}

/// <summary>A thread's frames as a tool sees them, innermost first.</summary>
public sealed record ToolChain(int Thread, IReadOnlyList<ulong> Addresses);

/// <summary>Asks a tool for the chains of all threads of a core. Optional: where one is installed.</summary>
public sealed class CoreTools(ChildProcess processes)
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    /// <summary>A frame in gdb's answer: our own words.</summary>
    private const string Frame = "hs-frame ";

    public static bool IsInstalled(CoreTool tool) => ExecutablePath.Resolve(NameOf(tool)) is not null;

    /// <summary>All tools that there are, on every thread and every fiber; null for one that is not installed or does not answer.</summary>
    /// <exception cref="InvalidDataException">The files cannot be used.</exception>
    public async Task<IReadOnlyList<(CoreTool Tool, ToolComparison? Comparison)>> CompareAsync(string core, string worker, string scratch, CancellationToken ct)
    {
        var fibers = Path.Combine(scratch, "fibers");
        var ours = FiberCore.Write(core, worker, fibers);
        var results = new List<(CoreTool, ToolComparison?)>();
        foreach (var tool in Enum.GetValues<CoreTool>())
        {
            results.Add((tool, await AskAsync(tool, fibers, worker, ct).ConfigureAwait(false) is { } theirs ? ToolComparison.Of(tool, ours, theirs) : null));
        }

        return results;
    }

    /// <summary>Null: it is not installed, or does not answer.</summary>
    public async Task<IReadOnlyList<ToolChain>?> AskAsync(CoreTool tool, string core, string worker, CancellationToken ct)
    {
        if (!IsInstalled(tool))
        {
            return null;
        }

        string[] arguments = tool is CoreTool.EuStack
            ? ["-n", "0", $"--core={core}", "-e", worker]
            :
            [
                // Through main, and what called it; no frame too many to ask for; nothing of the user's settings.
                "-nx", "-batch", "-ex", "set backtrace past-main on", "-ex", "set backtrace past-entry on", "-ex", "set backtrace limit unlimited",
                "-ex", $"thread apply all frame apply all -q printf \"{Frame}%lx %lx\\n\", $pc, $sp", worker, core,
            ];
        var outcome = await processes.RunAsync(
            new ProcessRequest { File = NameOf(tool), Arguments = arguments, Timeout = _patience, Environment = new Dictionary<string, string?> { ["DEBUGINFOD_URLS"] = null } },
            ct).ConfigureAwait(false);
        return outcome is ProcessOutcome.Exited { Output.Stdout: var text } ? tool is CoreTool.Gdb ? OfGdb(text) : OfEuStack(text) : null;
    }

    private static string NameOf(CoreTool tool) => tool is CoreTool.Gdb ? "gdb" : "eu-stack";

    /// <summary>
    /// "Thread 1 (Thread 0x7f… (LWP 71)):" or "Thread 1 (LWP 71):", then frames. An inlined function, and one that left by a tail call and that gdb tells from
    /// debug information, have the rsp of the next, which alone is a frame of the stack.
    /// </summary>
    private static List<ToolChain> OfGdb(string text)
    {
        var chains = new List<ToolChain>();
        var (addresses, last) = (new List<ulong>(), "");
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("Thread ", StringComparison.Ordinal) && line.IndexOf("LWP ", StringComparison.Ordinal) is var at and > 0)
            {
                (addresses, last) = ([], "");
                chains.Add(new ToolChain(int.Parse(line[(at + 4)..].TrimEnd(':', ')', ' '), CultureInfo.InvariantCulture), addresses));
            }
            else if (line.StartsWith(Frame, StringComparison.Ordinal) && line.Split(' ') is [_, var pc, var rsp, ..])
            {
                if (rsp == last)
                {
                    addresses.RemoveAt(addresses.Count - 1);
                }

                last = rsp;
                addresses.Add(Hex(pc));
            }
        }

        return chains;
    }

    /// <summary>"TID 71:", then "#0  0x… name" for each frame; of callers "0x… - 1".</summary>
    private static List<ToolChain> OfEuStack(string text)
    {
        var chains = new List<ToolChain>();
        var addresses = new List<ulong>();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("TID ", StringComparison.Ordinal))
            {
                addresses = [];
                chains.Add(new ToolChain(int.Parse(line[4..].TrimEnd(':'), CultureInfo.InvariantCulture), addresses));
            }
            else if (line.StartsWith('#') && line.IndexOf("0x", StringComparison.Ordinal) is var at and > 0)
            {
                addresses.Add(Hex(line[(at + 2)..].Split(' ')[0]));
            }
        }

        return chains;
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}

/// <summary>Something that a tool is known not to manage. A test observes each, so that a release that mends it, or worsens, is noticed.</summary>
public sealed record ToolShortcoming(CoreTool Tool, string Name, string Reason)
{
    /// <summary>frame.c: of two ordinary frames the outer one's stack may not be below the inner one's, but where the inner one's symbol is exactly __morestack.</summary>
    public static readonly ToolShortcoming InnerFrame = new(
        CoreTool.Gdb, "previous frame inner to this frame", "gdb ends a chain where it goes from the system stack, above, to a fiber's below it, in a gate's frame");

    public static IReadOnlyList<ToolShortcoming> All { get; } = [InnerFrame];
}

/// <summary>A tool's chains against ours.</summary>
/// <param name="Frames">That are the same.</param>
/// <param name="Known">Chains that differ as a shortcoming says.</param>
public sealed record ToolComparison(CoreTool Tool, int Chains, int Frames, IReadOnlyDictionary<ToolShortcoming, int> Known, IReadOnlyList<CoreFinding> Findings)
{
    /// <param name="ours">By thread.</param>
    public static ToolComparison Of(CoreTool tool, IReadOnlyDictionary<int, CoreChain> ours, IReadOnlyList<ToolChain> theirs)
    {
        ArgumentNullException.ThrowIfNull(ours);
        ArgumentNullException.ThrowIfNull(theirs);
        var (known, findings, frames) = (new Dictionary<ToolShortcoming, int>(), new List<CoreFinding>(), 0);
        foreach (var (thread, chain) in ours)
        {
            var answer = theirs.FirstOrDefault(t => t.Thread == thread)?.Addresses ?? [];
            // libdw has a caller's address as the frame's own, one byte before it.
            var same = chain.Frames.Zip(answer).TakeWhile(pair => pair.First.Pc == pair.Second || pair.First.Lookup == pair.Second).Count();
            frames += same;
            if (same == chain.Frames.Count && same == answer.Count)
            {
                continue;
            }

            if (tool is CoreTool.Gdb && same == answer.Count && IsInner(chain.Frames, same))
            {
                known[ToolShortcoming.InnerFrame] = known.GetValueOrDefault(ToolShortcoming.InnerFrame) + 1;
                continue;
            }

            findings.Add(new CoreFinding(
                CoreFault.ToolDiffers, $"thread {thread}",
                $"{tool} has {answer.Count} frames, we have {chain.Frames.Count}; frame {same} is {Shown(answer, same)} there, {Shown([.. chain.Frames.Select(f => f.Pc)], same)} here"));
        }

        return new ToolComparison(tool, ours.Count, frames, known, findings);
    }

    /// <summary>Whether the frame that a chain ends behind has its caller's stack below it.</summary>
    private static bool IsInner(IReadOnlyList<CoreFrame> frames, int count)
    {
        const int rsp = Harness.Binary.Unwind.DwarfRegister.Rsp;
        return count > 0 && count < frames.Count && frames[count - 1].Function != "__morestack" && frames[count].Registers[rsp] < frames[count - 1].Registers[rsp];
    }

    private static string Shown(IReadOnlyList<ulong> addresses, int at) => at < addresses.Count ? addresses[at].ToString("x", CultureInfo.InvariantCulture) : "none";
}
