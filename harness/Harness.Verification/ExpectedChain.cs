using System.Diagnostics;
using Harness.Emit;
using Harness.Model;

namespace Harness.Verification;

/// <summary>A model's frame with the line at which the emitted code is stopped. The bridge has neither owner nor line.</summary>
/// <param name="Class">The owner's class among its twins, see <see cref="OwnerTwins"/>; <paramref name="Offset"/> is the line's place in it.</param>
internal readonly record struct ExpectedFrame(SourceOwner? Owner, int Line, bool Optional, bool MayBeInlined, int Class, int Offset)
{
    public bool IsBridge => Owner is null;

    public override string ToString() => Owner switch
    {
        SourceOwner.Function f => $"function {f.Id} line {Line}",
        SourceOwner.FiberEntry f => $"entry of fiber {f.Fiber} line {Line}",
        _ => "callback bridge",
    };
}

/// <summary>Translates the model's chains to lines of a unit's source.</summary>
internal static class ExpectedChain
{
    public static ExpectedFrame[] Of(ProbeTrace trace, SourceMap map, OwnerTwins twins, int program, TraceRules rules)
    {
        var frames = new ExpectedFrame[trace.Chain.Count];
        for (var i = 0; i < frames.Length; i++)
        {
            var (owner, line, optional, inline) = trace.Chain[i] switch
            {
                Frame.Transpiled t => (
                    (SourceOwner?)new SourceOwner.Function(program, t.Function),
                    t.Site < 0 ? map.CheckpointLine(program, t.Function) : map.LineOfSite(program, t.Site),
                    t.Optional && rules.TailCallsMayDropFrames,
                    t.MayBeInlined && rules.FunctionsMayBeInlined),
                Frame.CallbackBridge => (null, 0, false, false),
                Frame.FiberEntry f => (new SourceOwner.FiberEntry(program, f.Fiber), map.FiberEntryLine(program, f.Fiber), false, false),
                _ => throw new UnreachableException(),
            };
            frames[i] = new ExpectedFrame(owner, line, optional, inline, twins.ClassOf(owner), twins.Place(line).Offset);
        }

        return frames;
    }
}

/// <summary>What a compiler may do to frames.</summary>
public sealed record TraceRules(bool FunctionsMayBeInlined, bool TailCallsMayDropFrames, bool EqualFunctionsMayBeMerged)
{
    public static readonly TraceRules Exact = new(false, false, false);
    public static readonly TraceRules Optimised = new(true, true, true);

    /// <summary>Zig's own backend does nothing of it; LLVM may do all, in Debug as well when IR goes through clang.</summary>
    public static TraceRules Of(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Backend is Backend.SelfHosted ? Exact : Optimised;
    }
}
