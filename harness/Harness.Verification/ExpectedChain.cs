using System.Diagnostics;
using Harness.Emit;
using Harness.Model;

namespace Harness.Verification;

/// <summary>A model's frame with the line at which the emitted code is stopped. The bridge has neither owner nor line.</summary>
internal readonly record struct ExpectedFrame(SourceOwner? Owner, int Line, bool Optional, bool MayBeInlined)
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
    public static ExpectedFrame[] Of(ProbeTrace trace, SourceMap map, int program, TraceRules rules)
    {
        var frames = new ExpectedFrame[trace.Chain.Count];
        for (var i = 0; i < frames.Length; i++)
        {
            frames[i] = trace.Chain[i] switch
            {
                Frame.Transpiled t => new ExpectedFrame(
                    new SourceOwner.Function(program, t.Function),
                    t.Site < 0 ? map.CheckpointLine(program, t.Function) : map.LineOfSite(program, t.Site),
                    t.Optional && rules.TailCallsMayDropFrames,
                    t.MayBeInlined && rules.FunctionsMayBeInlined),
                Frame.CallbackBridge => new ExpectedFrame(null, 0, Optional: false, MayBeInlined: false),
                Frame.FiberEntry f => new ExpectedFrame(
                    new SourceOwner.FiberEntry(program, f.Fiber), map.FiberEntryLine(program, f.Fiber),
                    Optional: false, MayBeInlined: false),
                _ => throw new UnreachableException(),
            };
        }

        return frames;
    }
}

/// <summary>What a compiler may do to frames.</summary>
public sealed record TraceRules(bool FunctionsMayBeInlined, bool TailCallsMayDropFrames)
{
    public static readonly TraceRules Exact = new(false, false);
    public static readonly TraceRules Optimised = new(true, true);

    /// <summary>Zig's own backend does neither; LLVM may do both, in Debug as well when IR goes through clang.</summary>
    public static TraceRules Of(Cell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return cell.Backend is Backend.SelfHosted ? Exact : Optimised;
    }
}
