using System.Buffers.Binary;

namespace Harness.Binary.Unwind;

/// <summary>A frame and what its rules say of its caller.</summary>
/// <param name="Pc">Where the frame is.</param>
/// <param name="LookupPc">The address whose row was taken: the byte before <paramref name="Pc"/> where that is a return address.</param>
/// <param name="Cfa">What rsp is in the caller after the return.</param>
/// <param name="ReturnSlot">Where the return address lies; null when it lies in no memory.</param>
/// <param name="Caller">The caller's registers; its rip is the return address.</param>
/// <param name="Entry">The FDE, in its file's own addresses.</param>
public sealed record UnwoundFrame(
    ulong Pc, ulong LookupPc, ulong Cfa, ulong? ReturnSlot, FrameRegisters Caller, FrameEntry Entry, UnwindRow Row);

/// <summary>How a trace ends. Only the first two are its end; a failure leaves it incomplete.</summary>
public abstract record TraceEnd
{
    private TraceEnd()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>The last frame's rules say that there is no caller.</summary>
    public sealed record UndefinedReturnAddress : TraceEnd { internal override Sealed Seal => default; }

    /// <summary>The return address is zero.</summary>
    public sealed record ZeroReturnAddress : TraceEnd { internal override Sealed Seal => default; }

    public sealed record Failed(UnwindProblem Problem) : TraceEnd { internal override Sealed Seal => default; }
}

/// <summary>Frames, innermost first, and why there are no more.</summary>
public sealed record UnwoundTrace(IReadOnlyList<UnwoundFrame> Frames, TraceEnd End)
{
    public bool IsComplete => End is not TraceEnd.Failed;
}

/// <summary>
/// Unwinds by call frame information alone: no frame pointers, no scanning, no guessing. Not for several threads at once (it keeps the rows of the
/// functions it has met).
/// </summary>
public sealed class Unwinder(IFrameModules modules, IFrameMemory memory, UnwindLimits? limits = null)
{
    private const int MaxRowSets = 100_000;
    private readonly UnwindLimits _limits = limits ?? UnwindLimits.Default;
    private readonly Dictionary<FrameEntry, UnwindRows> _rows = new(ReferenceEqualityComparer.Instance);

    /// <summary>All frames from these registers on.</summary>
    /// <param name="isExact">The first frame was interrupted at its rip; otherwise that is a return address.</param>
    public UnwoundTrace Walk(in FrameRegisters registers, bool isExact = true)
    {
        var frames = new List<UnwoundFrame>();
        var current = registers;
        while (true)
        {
            if (frames.Count == _limits.MaxFrames)
            {
                return Failed(UnwindFault.TooManyFrames, frames[^1].Pc, $"more than {_limits.MaxFrames} frames");
            }

            if (Step(current, isExact, out var frame) is { } end)
            {
                if (frame is not null)
                {
                    frames.Add(frame);
                }

                return new UnwoundTrace(frames, end);
            }

            if (frames.Count > 0 && frames[^1].Cfa == frame!.Cfa && frames[^1].Pc == frame.Pc)
            {
                return Failed(UnwindFault.Loop, frame.Pc, "a frame is its own caller");
            }

            if (_limits.Planted is EngineDefect.OrderIsEnd && frames.Count > 0 && frame!.Cfa < frames[^1].Cfa)
            {
                return new UnwoundTrace(frames, new TraceEnd.UndefinedReturnAddress());
            }

            frames.Add(frame!);
            current = frame!.Caller;
            isExact = frame.Entry.Common.IsSignalFrame;
        }

        UnwoundTrace Failed(UnwindFault fault, ulong place, string detail) =>
            new(frames, new TraceEnd.Failed(new UnwindProblem(fault, place, detail)));
    }

    /// <summary>One frame.</summary>
    /// <param name="frame">Null only when the step failed.</param>
    /// <returns>Null when the caller can be asked next.</returns>
    public TraceEnd? Step(in FrameRegisters registers, bool isExact, out UnwoundFrame? frame)
    {
        frame = null;
        try
        {
            var pc = registers[DwarfRegister.Rip] ?? throw new UnwindException(UnwindFault.UnknownValue, 0, "rip is not known");
            frame = Frame(registers, pc, isExact ? pc : unchecked(pc - 1), out var undefined);
            return undefined ? new TraceEnd.UndefinedReturnAddress()
                : frame.Caller[DwarfRegister.Rip] == 0 ? new TraceEnd.ZeroReturnAddress()
                : null;
        }
        catch (UnwindException e)
        {
            return new TraceEnd.Failed(e.Problem);
        }
    }

    private UnwoundFrame Frame(in FrameRegisters registers, ulong pc, ulong lookup, out bool undefined)
    {
        if (modules.At(lookup) is not var (table, bias) || table.Find(unchecked(lookup - bias)) is not { } entry)
        {
            throw new UnwindException(UnwindFault.NoEntry, lookup, "no FDE covers the address");
        }

        var rows = RowsOf(table, entry);
        var row = rows.At(_limits.Planted is EngineDefect.FirstRow ? entry.Start : unchecked(lookup - bias)) ?? throw (rows.Problem is { } problem
            ? new UnwindException(problem.Fault, problem.Place, problem.Detail)
            : new UnwindException(UnwindFault.NoEntry, lookup, "no row covers the address"));
        var evaluation = new Evaluation(table, entry, registers, memory, _limits, bias);
        var cfa = evaluation.Cfa(row.Cfa);
        var caller = evaluation.Caller(row, cfa, out var slot, out undefined);
        return new UnwoundFrame(pc, lookup, cfa, slot, caller, entry, row);
    }

    private UnwindRows RowsOf(UnwindTable table, FrameEntry entry)
    {
        if (!_rows.TryGetValue(entry, out var rows))
        {
            if (_rows.Count == MaxRowSets)
            {
                _rows.Clear();
            }

            _rows[entry] = rows = table.Rows(entry);
        }

        return rows;
    }

    /// <summary>Evaluates the rules of one row on real registers and memory.</summary>
    private readonly struct Evaluation(
        UnwindTable table, FrameEntry entry, FrameRegisters registers, IFrameMemory memory, UnwindLimits limits, ulong bias) : IExpressionDomain<ulong>
    {
        private readonly FrameRegisters _registers = registers;

        public ulong Cfa(CfaRule rule) => rule switch
        {
            { IsNone: true } => throw new UnwindException(UnwindFault.NoCfa, entry.Offset, "no rule says where the CFA is"),
            { IsExpression: true } => Run(rule.Value, rule.Length, []),
            _ => unchecked(Register(rule.Register) + (ulong)rule.Value),
        };

        public FrameRegisters Caller(UnwindRow row, ulong cfa, out ulong? returnSlot, out bool undefined)
        {
            var caller = _registers;
            returnSlot = null;
            // Unless a rule says otherwise.
            caller.Set(DwarfRegister.Rsp, cfa);
            for (var register = 0; register < DwarfRegister.Count; register++)
            {
                var rule = row.Registers[register];
                if (rule.Kind is not (RuleKind.Unspecified or RuleKind.SameValue))
                {
                    Apply(register, rule, cfa, ref caller, ref returnSlot);
                }
            }

            var column = entry.Common.ReturnColumn;
            undefined = row.Registers[column].Kind is RuleKind.Undefined && limits.Planted is not EngineDefect.EndIgnored;
            if (!undefined && column != DwarfRegister.Rip)
            {
                caller.Set(DwarfRegister.Rip, caller[column] ?? throw new UnwindException(UnwindFault.UnknownValue, entry.Offset, "the return address is not known"));
            }

            return caller;
        }

        private void Apply(int register, RegisterRule rule, ulong cfa, ref FrameRegisters caller, ref ulong? returnSlot)
        {
            if (rule.Kind is RuleKind.Undefined)
            {
                caller.Forget(register);
                return;
            }

            ulong? slot = rule.Kind switch
            {
                RuleKind.Offset => unchecked(cfa + (ulong)rule.Value),
                RuleKind.Expression => Run(rule.Value, rule.Length, [cfa]),
                _ => null,
            };
            returnSlot = register == entry.Common.ReturnColumn ? slot : returnSlot;
            caller.Set(register, rule.Kind switch
            {
                RuleKind.ValueOffset => unchecked(cfa + (ulong)rule.Value),
                RuleKind.ValueExpression => Run(rule.Value, rule.Length, [cfa]),
                RuleKind.Register => Register((int)rule.Value),
                _ => Load(limits.Planted is EngineDefect.LoadsAbove ? unchecked(slot!.Value + 8) : slot!.Value, 8),
            });
        }

        private ulong Run(long offset, int length, ReadOnlySpan<ulong> initial) =>
            Expression.Evaluate(table.Expression(entry, offset, length), this, initial, limits, bias);

        public ulong Constant(ulong value) => value;

        public ulong Register(int register) => _registers[register]
            ?? throw new UnwindException(UnwindFault.UnknownValue, entry.Offset, $"{DwarfRegister.Name(register)} is not known");

        public ulong Load(ulong address, int bytes)
        {
            Span<byte> word = stackalloc byte[8];
            word.Clear();
            return memory.TryRead(address, word[..bytes])
                ? BinaryPrimitives.ReadUInt64LittleEndian(word)
                : throw new UnwindException(UnwindFault.Unreadable, address, $"{bytes} bytes cannot be read");
        }

        public ulong Unary(byte operation, ulong operand) => Expression.Compute(operation, operand);

        public ulong Binary(byte operation, ulong left, ulong right) => Expression.Compute(operation, left, right);

        public bool IsTrue(ulong value) => value != 0;
    }
}
