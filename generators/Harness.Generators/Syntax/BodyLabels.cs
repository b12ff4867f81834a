using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>The labels of one body: what stands in it, and where.</summary>
internal sealed class BodyLabels(FiberProgram program, Function function, ISet<string> labels)
{
    /// <summary>
    /// The sizes that buffers cluster around; half a kilobyte to either side counts as near the large ones.
    /// </summary>
    private static readonly (int Bytes, int Around, string Name)[] Edges =
    [
        (256, 192, "256"),
        (1024, 192, "1 KiB"),
        (2048, 192, "2 KiB"),
        (4096, 256, "4 KiB"),
        (16 << 10, 512, "16 KiB"),
        (64 << 10, 512, "64 KiB"),
    ];

    private readonly HashSet<int> _buffers = [];

    public void Body(EquatableArray<Statement> body, Place place)
    {
        foreach (var statement in body)
        {
            Visit(statement, place);
            place = place with
            {
                Pending = place.Pending || IsCleanup(statement),
                PendingInLoop = place.PendingInLoop || (place.InLoop && IsCleanup(statement)),
                Locked = place.Locked || statement is Statement.Lock,
            };
        }
    }

    private static bool IsCleanup(Statement statement) =>
        statement
            is Statement.Defer
                or Statement.ErrDefer
                or Statement.ErrDeferCapture
                or Statement.Lock
                or Statement.Acquire { Disposition: not Disposition.Manual };

    private void Visit(Statement statement, Place place)
    {
        switch (statement)
        {
            case Statement.Call s:
                Call(s, place);
                return;
            case Statement.Buffer s:
                Buffer(s);
                return;
            case Statement.Acquire s:
                labels.Add($"resource:{ProgramLabels.Lower(s.Kind)}");
                labels.Add($"released:{ProgramLabels.Lower(s.Disposition)}");
                return;
            case Statement.TailCall s:
                labels.Add(s.Function <= function.Id ? "call:tail, back" : "call:tail");
                Callee(s.Function);
                return;
        }

        labels.Add($"statement:{ProgramLabels.Lower(statement.GetType().Name)}");
        Exit(statement, place);
        if (statement is Statement.Probe)
        {
            labels.Add(
                place.Cleanup is { } cleanup ? $"probe:in {cleanup}"
                : place.InCatch ? "probe:in catch"
                : "probe:in the body"
            );
        }

        foreach (var inner in StatementTree.Bodies(statement))
        {
            Body(inner, place.Inside(statement));
        }
    }

    private void Exit(Statement statement, Place place)
    {
        var name = ProgramLabels.Lower(statement.GetType().Name);
        if (
            statement is Statement.BreakIf or Statement.ContinueIf or Statement.Return or Statement.Raise
            && place.PendingInLoop
        )
        {
            labels.Add($"loop left with a defer pending:{name}");
        }

        if (statement is Statement.Yield or Statement.Join && place.Locked)
        {
            labels.Add($"lock held:{name}");
        }

        if (statement is Statement.Block && place.Pending)
        {
            labels.Add("block:below a pending defer");
        }

        if (statement is Statement.Return { Value: ReturnValue.Local } && function.Payload is ZigType.Handle)
        {
            labels.Add("handle:handed to the caller");
        }

        if (statement is Statement.Defer or Statement.ErrDefer or Statement.ErrDeferCapture && place.InLoop)
        {
            labels.Add($"in a loop:{name}");
        }
    }

    private void Call(Statement.Call call, Place place)
    {
        var callee = program.Functions[call.Function];
        labels.Add($"call:{ProgramLabels.Lower(call.Form)}");
        labels.Add($"handling:{ProgramLabels.Lower(call.Handling.GetType().Name)}");
        Callee(call.Function);
        if (call.Function <= function.Id)
        {
            labels.Add($"call:back, {ProgramLabels.Lower(call.Form)}");
            labels.Add($"call:back, {ProgramLabels.Lower(call.Handling.GetType().Name)}");
        }

        if (place.Cleanup is { } cleanup)
        {
            labels.Add($"call:in {cleanup}{(callee.IsFallible ? ", fallible" : "")}");
        }

        if (callee.Payload is ZigType.Handle)
        {
            labels.Add("handle:taken from a callee");
        }

        if (call.Arguments.OfType<Argument.Local>().Any(argument => _buffers.Contains(argument.Index)))
        {
            labels.Add("argument:slice of a buffer");
        }

        if (call.Handling is Handling.IfElse branch)
        {
            Body(branch.Then, place);
            Body(branch.Else, place with { InCatch = true });
            return;
        }

        foreach (var inner in StatementTree.Bodies(call.Handling))
        {
            Body(inner, place with { InCatch = true });
        }
    }

    private void Callee(int callee)
    {
        labels.Add($"callee:{ProgramLabels.Lower(program.Functions[callee].Kind)}");
        if (callee <= function.Id)
        {
            labels.Add(callee == function.Id ? "recursion:self" : "recursion:mutual");
        }
    }

    private void Buffer(Statement.Buffer buffer)
    {
        _buffers.Add(buffer.Local);
        var bytes = buffer.Words * 8;
        labels.Add(
            bytes > (64 << 10) + 512
                ? "buffer:beyond 64 KiB"
                : Edges
                    .Where(edge => Math.Abs(bytes - edge.Bytes) <= edge.Around)
                    .Select(edge => $"buffer:near {edge.Name}")
                    .FirstOrDefault("buffer:other")
        );
        if (buffer.Align > 16)
        {
            labels.Add($"buffer:align {buffer.Align}");
        }
    }

    /// <summary>Where a statement stands.</summary>
    internal sealed record Place(
        bool InLoop,
        bool Pending,
        bool PendingInLoop,
        bool InCatch,
        bool Locked,
        string? Cleanup
    )
    {
        public static readonly Place Start = new(false, false, false, false, false, null);

        public Place Inside(Statement statement) =>
            statement switch
            {
                Statement.Loop => this with { InLoop = true, PendingInLoop = false },
                Statement.Defer => this with
                {
                    Cleanup = "defer",
                    InLoop = false,
                    Pending = false,
                    PendingInLoop = false,
                },
                Statement.ErrDefer or Statement.ErrDeferCapture => this with
                {
                    Cleanup = "errdefer",
                    InLoop = false,
                    Pending = false,
                    PendingInLoop = false,
                },
                _ => this,
            };
    }
}
