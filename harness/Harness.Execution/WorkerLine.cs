using Harness.Model;

namespace Harness.Execution;

/// <summary>
/// Reads the worker's lines. The worker runs generated programs, so nothing is taken on trust: whatever does not parse
/// is <see cref="WorkerMessage.Malformed"/>, never an exception.
/// </summary>
public static class WorkerLine
{
    public const string Marker = "#hs ";
    public const int MaxAddresses = 100_000;
    public const int MaxDeliveries = 100_000;
    public const int MaxShownChars = 400;

    /// <summary>Frames of one stack, and its segments.</summary>
    public const int MaxStackFrames = 256;

    /// <summary>Of one stack.</summary>
    public const int MaxRegisters = 17;

    /// <summary>Of one stack; the worker sends 1 MiB at most (zig-fixtures/worker/stacks.zig).</summary>
    public const int MaxMemoryBytes = 1 << 20;

    /// <summary>The message, or null for a line that is not the worker's.</summary>
    public static WorkerMessage? Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (!line.StartsWith(Marker, StringComparison.Ordinal))
        {
            return null;
        }

        var body = line.AsSpan(Marker.Length);
        var space = body.IndexOf(' ');
        var word = space < 0 ? body : body[..space];
        var fields = new LineFields(space < 0 ? [] : body[space..]);
        WorkerMessage? message = word switch
        {
            "ready" => Ready(ref fields),
            "chain" => Chain(ref fields),
            "probe" => Probe(ref fields, null),
            "probes" => new WorkerMessage.Probes(Probe(ref fields, Observer.FramePointers)),
            "opinion" => Opinion(ref fields),
            "errors" => Errors(ref fields),
            "stack" => Stack(ref fields),
            "fail" => Fail(ref fields),
            "overflow" => Overflow(ref fields),
            "again" => new WorkerMessage.Again(fields.Int("row"), fields.Int("times")),
            "event" => Logged(ref fields),
            "delivered" => Delivered(ref fields),
            "program" => ProgramDone(ref fields),
            "disturbed" => new WorkerMessage.Disturbed(new Arrivals(fields.Long("signals"), fields.Long("stubs"), fields.Long("moves"), fields.Long("handlers"), fields.Long("told"))),
            "opinions" => new WorkerMessage.Opinions(fields.Long("libgcc"), fields.Long("llvm"), fields.Long("nongnu")),
            "places" => new WorkerMessage.Places(fields.Int("row"), fields.Masks("masks")),
            "done" => new WorkerMessage.Done(fields.Int("rows")),
            _ => null,
        };
        var reason = message is null ? "unknown word" : fields.Problem;
        return reason is null ? message : new WorkerMessage.Malformed(Shown(line), reason);
    }

    internal static string Shown(string line) => line.Length <= MaxShownChars ? line : line[..MaxShownChars] + "…";

    private static WorkerMessage.Ready Ready(ref LineFields f) => new(
        f.Int("programs"), f.Int("rows"), f.Range("stub"), f.Range("entry"), f.Range("bridge"));

    private static WorkerMessage.Chain Chain(ref LineFields f) => new(f.Int("id"), f.End("end"), f.Addresses("addrs"));

    /// <param name="observer">Null: the line says which.</param>
    private static WorkerMessage.Probe Probe(ref LineFields f, Observer? observer) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), observer ?? f.Observer("observer"), f.Int("chain"),
        f.Int("stubs"), f.Int("segments"));

    private static WorkerMessage.Opinion Opinion(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Tool("tool"), f.Int("chain"), f.Int("stubs"));

    private static WorkerMessage.Errors Errors(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Unsigned("kept", 1) == 1, f.Long("index"), f.Int("chain"),
        f.Hex("caller"));

    private static WorkerMessage.Stack Stack(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), f.Signed("site"), f.Int("ordinal"), f.Moment("why"), f.Int("entry"), f.Int("depth"), f.Hex("rsp"),
        f.Triples("frames").Select(t => new SentFrame(t.Number, t.First, t.Second)).ToEquatableArray(),
        f.Triples("segments").Select(t => new SentSegment(t.Number, t.First, t.Second)).ToEquatableArray())
    {
        Registers = f.Pairs("registers").Select(p => new SentRegister(p.Number, p.Value)).ToEquatableArray(),
        Memory = f.Memory("memory").ToEquatableArray(),
        MemoryLeft = f.Long("left"),
    };

    private static WorkerMessage.Fail Fail(ref LineFields f) => new(
        f.Int("row"), f.Word("check"), f.Signed("fiber"), f.Text("expected"), f.Text("observed"), f.Rest("detail"));

    private static WorkerMessage.Overflow Overflow(ref LineFields f) => new(
        f.Int("row"), f.Hex("digest"), f.Deliveries("deliveries"));

    private static WorkerMessage.Logged Logged(ref LineFields f) => new(
        f.Int("row"), f.Int("fiber"), new Event(f.Kind("kind"), (uint)f.Unsigned("a", uint.MaxValue), f.Unsigned("b", ulong.MaxValue)));

    private static WorkerMessage.Delivered Delivered(ref LineFields f) => new(
        f.Int("row"), new Delivery(f.Int("entry"), f.Error("error")));

    private static WorkerMessage.ProgramDone ProgramDone(ref LineFields f) => new(
        f.Int("index"),
        f.Int("rows"),
        new Counters(
            1, f.Long("executions"), f.Long("splits"), f.Long("faults"), f.Long("probes"), f.Long("frames"),
            f.Long("acquired"), f.Long("released")),
        TimeSpan.FromMicroseconds(f.Long("nanoseconds") / 1000));
}
