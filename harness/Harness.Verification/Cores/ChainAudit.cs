using Harness.Binary.Unwind;

namespace Harness.Verification.Cores;

/// <summary>Walks chains in a core, and lays the frames of fibers into their segments.</summary>
internal sealed class ChainAudit(CoreImage image, List<CoreFinding> findings)
{
    public CoreChain Walk(FrameRegisters registers, bool isExact, IReadOnlyList<CoreSegment> segments, string where)
    {
        var trace = image.Unwinder.Walk(registers, isExact);
        var frames = new List<CoreFrame>(trace.Frames.Count);
        var own = registers;
        foreach (var frame in trace.Frames)
        {
            var exact = frame.LookupPc == frame.Pc;
            var (function, file, line) = image.Place(frame.LookupPc);
            var stub = exact ? image.Stub.Contains(frame.Pc) : image.Stub.ContainsReturn(frame.Pc);
            frames.Add(new CoreFrame(frame.Pc, exact, own, frame.Cfa, function, file, line, 0, stub));
            own = frame.Caller;
        }

        if (trace.End is TraceEnd.Failed failed)
        {
            findings.Add(new CoreFinding(CoreFault.Incomplete, where, $"after {frames.Count} frames: {failed.Problem}"));
        }

        Lay(frames, segments, where);
        return new CoreChain(frames, trace.End);
    }

    /// <summary>
    /// Frames go outwards from segment to segment, through the stub's frame at each boundary and none besides. Innermost ones may lie on another
    /// stack: a service's, a signal handler's.
    /// </summary>
    private void Lay(List<CoreFrame> frames, IReadOnlyList<CoreSegment> segments, string where)
    {
        var at = 0;
        var arrived = false;
        for (var i = 0; i < frames.Count && segments.Count > 0; i++)
        {
            var frame = frames[i];
            var slot = unchecked(frame.Cfa - sizeof(ulong));
            var found = at;
            while (found < segments.Count && (slot < segments[found].Low || slot >= segments[found].High))
            {
                found++;
            }

            if (found == segments.Count)
            {
                if (arrived)
                {
                    findings.Add(new CoreFinding(CoreFault.WrongSegment, where, $"frame {i}, {frame.Function}, lies at {slot:x}, in none of the fiber's segments from {segments[at].Ordinal} outwards"));
                    return;
                }

                continue;
            }

            if (Boundary(frame, segments, at, found, arrived) is { } wrong)
            {
                findings.Add(new CoreFinding(CoreFault.WrongStub, where, $"frame {i}, {frame.Function}: {wrong}"));
                return;
            }

            frames[i] = frame with { Segment = segments[found].Ordinal };
            (at, arrived) = (found, true);
        }

        if (segments.Count > 0 && arrived && at != segments.Count - 1 && frames.Count > 0)
        {
            findings.Add(new CoreFinding(CoreFault.WrongSegment, where, $"the chain ends in segment {segments[at].Ordinal}, and not in the first"));
        }
    }

    /// <returns>What is wrong with the step from segment to segment, or null.</returns>
    private static string? Boundary(CoreFrame frame, IReadOnlyList<CoreSegment> segments, int at, int found, bool arrived)
    {
        if (!arrived)
        {
            // What lies on another stack may have left the innermost segment already, or not yet entered it: in morestack and lessstack themselves.
            return found <= 1 ? null : $"it is the first on the fiber's stack, and lies in segment {segments[found].Ordinal} of {segments[0].Ordinal}";
        }

        if (!frame.Stub)
        {
            return found == at ? null : $"between segments {segments[at].Ordinal} and {segments[found].Ordinal} there is no frame of the stub";
        }

        const ulong cfaOverStubFrame = 16;
        return found != at + 1 ? $"it is the stub's, and leads from segment {segments[at].Ordinal} to {segments[found].Ordinal}"
            : frame.Cfa - cfaOverStubFrame != segments[at].StubFrame ? $"the stub of segment {segments[at].Ordinal} stands at {segments[at].StubFrame:x}, not at {frame.Cfa - cfaOverStubFrame:x}"
            : null;
    }
}
