using System.Diagnostics;
using Harness.Emit;
using Harness.Model;

namespace Harness.Verification;

/// <summary>A model's frame with the line at which the emitted code is stopped. The bridge has neither owner nor line.</summary>
internal sealed record ExpectedFrame(SourceOwner? Owner, int Line, bool Optional, bool MayBeInlined)
{
    public bool IsBridge => Owner is null;

    public override string ToString() => Owner is null ? "callback bridge" : $"{Name(Owner)} line {Line}";

    public static string Name(SourceOwner owner) => owner switch
    {
        SourceOwner.Function f => $"function {f.Id}",
        SourceOwner.FiberEntry f => $"entry of fiber {f.Fiber}",
        _ => owner.ToString(),
    };
}

/// <summary>Translates the model's chains to lines of a unit's source. Frames that the model shares are shared here.</summary>
/// <param name="code">Where the code that was made of it leaves functions by jumps, and where it makes no call that the source has.</param>
internal sealed class ExpectedFrames(SourceMap map, TraceRules rules, ICodeMap code)
{
    private readonly Dictionary<(int Program, Frame Frame, bool CallsItself), ExpectedFrame> _known = [];

    public ExpectedFrame[] Of(int program, ProbeTrace trace)
    {
        var frames = new ExpectedFrame[trace.Chain.Count];
        var chain = trace.Chain.AsSpan();
        for (var i = 0; i < frames.Length; i++)
        {
            var callsItself = i > 0 && chain[i] is Frame.Transpiled caller && chain[i - 1] is Frame.Transpiled called && caller.Function == called.Function;
            // Deep chains repeat few frames.
            if (i > 1 && ReferenceEquals(chain[i], chain[i - 1]) && ReferenceEquals(chain[i], chain[i - 2]))
            {
                frames[i] = frames[i - 1];
            }
            else if (!_known.TryGetValue((program, chain[i], callsItself), out frames[i]!))
            {
                _known[(program, chain[i], callsItself)] = frames[i] = Translate(program, chain[i], callsItself);
            }
        }

        return frames;
    }

    /// <param name="callsItself">The next frame in is one of the same function.</param>
    private ExpectedFrame Translate(int program, Frame frame, bool callsItself) => frame switch
    {
        Frame.Transpiled t => Translate(new SourceOwner.Function(program, t.Function), t.Site < 0 ? map.CheckpointLine(program, t.Function) : map.LineOfSite(program, t.Site), t, callsItself),
        Frame.CallbackBridge => new ExpectedFrame(null, 0, Optional: false, MayBeInlined: false),
        Frame.FiberEntry f => new ExpectedFrame(
            new SourceOwner.FiberEntry(program, f.Fiber), map.FiberEntryLine(program, f.Fiber), Optional: false, MayBeInlined: false),
        _ => throw new UnreachableException(),
    };

    private ExpectedFrame Translate(SourceOwner owner, int line, Frame.Transpiled frame, bool callsItself) => new(
        owner, line, rules.TailCallsMayDropFrames && (frame.Optional || code.JumpsAway(owner, line) || (callsItself && code.NeverCalls(owner, line))), frame.MayBeInlined && rules.FunctionsMayBeInlined);
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
