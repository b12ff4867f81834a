using Harness.Binary.Flow;
using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>Compares rows with what is known of the code, and gathers contradictions, alike ones of a function together.</summary>
/// <param name="observer">Told of every contradiction at every instruction.</param>
internal sealed class RowCheck(UnwindTable table, UnwindLimits limits, Action<ulong, string>? observer = null)
{
    private readonly Dictionary<(FrameEntry, FindingKind, string), int> _places = new(PlaceComparer.Instance);
    private readonly HashSet<(ulong, FindingKind, string)> _seen = [];
    private readonly List<UnwindFinding> _findings = [];

    public IReadOnlyList<UnwindFinding> Findings => _findings;

    /// <summary>One row at one instruction boundary.</summary>
    public void Row(CodeFunction function, in Instruction instruction, UnwindRow row, AbstractState state)
    {
        var cfa = Cfa(function, instruction, row, state);
        if (cfa != AbstractValue.Cfa(0))
        {
            var kind = cfa.Kind is ValueKind.Cfa ? FindingKind.WrongCfa : FindingKind.UnprovenCfa;
            Note(kind, function, instruction, "CFA", Where(row.Cfa, state), $"CFA = {row.Cfa}");
        }

        Return(function, instruction, row, state);
        foreach (var register in DwarfRegister.CalleeSaved)
        {
            var rule = row.Registers[register];
            if (Actual(function, instruction, register, rule, state) is { } actual && actual != AbstractValue.Entry(register))
            {
                var isKept = rule.Kind is RuleKind.Unspecified or RuleKind.SameValue;
                Note(
                    isKept ? FindingKind.LostRegister : FindingKind.WrongRegister, function, instruction, DwarfRegister.Name(register),
                    $"{AbstractValue.Entry(register)} in {Holder(register, state)}", $"{DwarfRegister.Name(register)} {Declared(rule)}, which is {actual}");
            }
        }
    }

    /// <summary>At a return, or a jump to the beginning of another function.</summary>
    public void Exit(CodeFunction function, in Instruction instruction, AbstractState state)
    {
        var rsp = state[DwarfRegister.Rsp];
        if (rsp != AbstractValue.Cfa(-8) || state.Load(-8) != AbstractValue.Entry(DwarfRegister.Rip))
        {
            Note(FindingKind.UnbalancedExit, function, instruction, "rsp", "rsp = CFA-8, at the return address", $"rsp is {rsp}");
        }

        foreach (var register in DwarfRegister.CalleeSaved)
        {
            if (state[register] != AbstractValue.Entry(register))
            {
                Note(
                    FindingKind.UnrestoredRegister, function, instruction, DwarfRegister.Name(register),
                    $"{AbstractValue.Entry(register)} given back", $"{DwarfRegister.Name(register)} is {state[register]}");
            }
        }
    }

    public void Note(FindingKind kind, CodeFunction function, in Instruction instruction, string subject, string expected, string declared)
    {
        if (!_seen.Add((instruction.IP, kind, subject)))
        {
            return;
        }

        observer?.Invoke(instruction.IP, $"{kind}: expected {expected}, declared {declared}");
        if (_places.TryGetValue((function.Entry, kind, subject), out var place))
        {
            _findings[place] = _findings[place] with { Instructions = _findings[place].Instructions + 1 };
            return;
        }

        _places[(function.Entry, kind, subject)] = _findings.Count;
        _findings.Add(new UnwindFinding(
            kind, function.Name, instruction.IP, (long)(instruction.IP - function.Entry.Start), instruction.IsInvalid ? "(bad)" : instruction.ToString(),
            expected, declared) { Subject = subject, IsSelfHosted = function.Entry.Common.IsSelfHosted });
    }

    /// <summary>About a function as a whole.</summary>
    public void Note(FindingKind kind, CodeFunction function, string subject, string expected, string declared) =>
        _findings.Add(new UnwindFinding(kind, function.Name, function.Entry.Start, 0, "", expected, declared) { Subject = subject, IsSelfHosted = function.Entry.Common.IsSelfHosted });

    private void Return(CodeFunction function, in Instruction instruction, UnwindRow row, AbstractState state)
    {
        var column = function.Entry.Common.ReturnColumn;
        var rule = row.Registers[column];
        if (rule.Kind is RuleKind.Undefined)
        {
            Note(FindingKind.UndefinedReturnAddress, function, instruction, "ra", "a caller", "none: the return address is undefined");
            return;
        }

        var actual = Actual(function, instruction, DwarfRegister.Rip, rule, state) ?? AbstractValue.Unknown;
        if (actual != AbstractValue.Entry(DwarfRegister.Rip))
        {
            Note(FindingKind.WrongReturnAddress, function, instruction, "ra", "the return address at CFA-8", $"{Declared(rule)}, which is {actual}");
        }
    }

    private AbstractValue Cfa(CodeFunction function, in Instruction instruction, UnwindRow row, AbstractState state)
    {
        if (row.Cfa.Register >= 0)
        {
            return row.Cfa.Register < DwarfRegister.Rip ? state[row.Cfa.Register].Plus(row.Cfa.Value) : AbstractValue.Unknown;
        }

        return row.Cfa.IsExpression ? Run(function, instruction, row.Cfa.Value, row.Cfa.Length, state, []) : AbstractValue.Unknown;
    }

    /// <summary>What a register's rule gives; null where it says that there is no value any more.</summary>
    private AbstractValue? Actual(CodeFunction function, in Instruction instruction, int register, RegisterRule rule, AbstractState state) => rule.Kind switch
    {
        RuleKind.Undefined => null,
        RuleKind.Unspecified or RuleKind.SameValue => register < DwarfRegister.Rip ? state[register] : AbstractValue.Unknown,
        RuleKind.Offset => state.IsLost(rule.Value) ? AbstractValue.Unknown : state.Load(rule.Value),
        RuleKind.ValueOffset => AbstractValue.Cfa(rule.Value),
        RuleKind.Register => rule.Value < DwarfRegister.Rip ? state[(int)rule.Value] : AbstractValue.Unknown,
        RuleKind.Expression => Run(function, instruction, rule.Value, rule.Length, state, [AbstractValue.Cfa(0)]) is { Kind: ValueKind.Cfa } address
            ? state.Load(address.Number)
            : AbstractValue.Unknown,
        _ => Run(function, instruction, rule.Value, rule.Length, state, [AbstractValue.Cfa(0)]),
    };

    private AbstractValue Run(
        CodeFunction function, in Instruction instruction, long offset, int length, AbstractState state, ReadOnlySpan<AbstractValue> initial)
    {
        try
        {
            var code = table.Expression(function.Entry, offset, length);
            return Expression.Evaluate(code, new Domain(state, instruction.IP), initial, limits);
        }
        catch (UnwindException e)
        {
            Note(FindingKind.Unreadable, function, instruction, "expression", "an expression that can be evaluated", e.Problem.ToString());
            return AbstractValue.Unknown;
        }
    }

    private static string Declared(RegisterRule rule) => rule.Kind switch
    {
        RuleKind.Unspecified or RuleKind.SameValue => "unchanged",
        RuleKind.Offset => FormattableString.Invariant($"at CFA{rule.Value:+0;-0;+0}"),
        _ => $"by rule {rule}",
    };

    /// <summary>Where the CFA really is: what the declared register, rsp or rbp says of it.</summary>
    private static string Where(CfaRule rule, AbstractState state)
    {
        foreach (var register in (int[])[rule.Register, DwarfRegister.Rsp, DwarfRegister.Rbp])
        {
            if (register is >= 0 and < DwarfRegister.Rip && state[register] is { Kind: ValueKind.Cfa } value)
            {
                return FormattableString.Invariant($"CFA = {DwarfRegister.Name(register)}{-value.Number:+0;-0;+0}");
            }
        }

        return "a CFA that the code tells";
    }

    private static string Holder(int register, AbstractState state)
    {
        var wanted = AbstractValue.Entry(register);
        for (var other = 0; other < DwarfRegister.Rip; other++)
        {
            if (state[other] == wanted)
            {
                return DwarfRegister.Name(other);
            }
        }

        return state.Holding(wanted) is { } offset ? FormattableString.Invariant($"the word at CFA{offset:+0;-0;+0}") : "no place that is known";
    }

    /// <summary>Expressions on what is known of the code.</summary>
    private readonly struct Domain(AbstractState state, ulong pc) : IExpressionDomain<AbstractValue>
    {
        public AbstractValue Constant(ulong value) => AbstractValue.Constant(unchecked((long)value));

        public AbstractValue Register(int register) =>
            register == DwarfRegister.Rip ? AbstractValue.Constant(unchecked((long)pc)) : state[register];

        public AbstractValue Load(AbstractValue address, int bytes) =>
            address.Kind is ValueKind.Cfa && bytes == 8 ? state.Load(address.Number) : AbstractValue.Unknown;

        public AbstractValue Unary(byte operation, AbstractValue operand) => operand.Kind is ValueKind.Constant
            ? Constant(Expression.Compute(operation, unchecked((ulong)operand.Number)))
            : AbstractValue.Unknown;

        public AbstractValue Binary(byte operation, AbstractValue left, AbstractValue right) => operation switch
        {
            _ when left.Kind is ValueKind.Constant && right.Kind is ValueKind.Constant =>
                Constant(unchecked(Expression.Compute(operation, (ulong)left.Number, (ulong)right.Number))),
            Expression.Plus => left.Plus(right),
            Expression.Minus => left.Minus(right),
            _ => AbstractValue.Unknown,
        };

        public bool IsTrue(AbstractValue value) => value.Kind is ValueKind.Constant
            ? value.Number != 0
            : throw new UnwindException(UnwindFault.UnknownValue, pc, "a branch of an expression depends on what the code does not tell");
    }

    /// <summary>Entries by identity: comparing their contents would be dear.</summary>
    private sealed class PlaceComparer : IEqualityComparer<(FrameEntry Entry, FindingKind Kind, string Subject)>
    {
        public static readonly PlaceComparer Instance = new();

        public bool Equals((FrameEntry Entry, FindingKind Kind, string Subject) x, (FrameEntry Entry, FindingKind Kind, string Subject) y) =>
            ReferenceEquals(x.Entry, y.Entry) && x.Kind == y.Kind && x.Subject == y.Subject;

        public int GetHashCode((FrameEntry Entry, FindingKind Kind, string Subject) key) => HashCode.Combine(key.Entry.Start, key.Kind, key.Subject);
    }
}
