namespace Harness.Binary.Unwind.Stepping;

/// <summary>Where a row finds a register of the caller, as far as that needs no evaluation.</summary>
/// <param name="Kind">Same, at an offset from the CFA, in another register, or undefined.</param>
internal readonly record struct Found(RuleKind Kind, int Value);

/// <summary>
/// A row in the form in which a million steps can ask it: the CFA is a register plus an offset, and everything else lies in one stretch
/// of memory around it. Rows that say more are left to the <see cref="Unwinder"/>.
/// </summary>
internal sealed class CompiledRow
{
    /// <summary>The furthest that what is read in one piece may reach from the CFA.</summary>
    private const int MaxReach = 512;

    private CompiledRow(UnwindRow row, FrameEntry entry) => (Row, Entry, Saved) = (row, entry, new Found[DwarfRegister.CalleeSaved.Length]);

    public UnwindRow Row { get; }

    public FrameEntry Entry { get; }

    /// <summary>Only the <see cref="Unwinder"/> can evaluate it.</summary>
    public bool IsComplex { get; private set; }

    public int CfaRegister { get; private set; }

    public long CfaOffset { get; private set; }

    public Found Return { get; private set; }

    /// <summary>In the order of <see cref="DwarfRegister.CalleeSaved"/>.</summary>
    public Found[] Saved { get; }

    /// <summary>What is read: from this offset …</summary>
    public int Low { get; private set; }

    /// <summary>… up to this one.</summary>
    public int High { get; private set; }

    public static CompiledRow Of(UnwindRow row, FrameEntry entry)
    {
        var compiled = new CompiledRow(row, entry);
        var rules = row.Registers;
        compiled.IsComplex = row.Cfa.IsNone || row.Cfa.IsExpression
            || entry.Common.ReturnColumn != DwarfRegister.Rip
            || rules[DwarfRegister.Rsp].Kind is not (RuleKind.Unspecified or RuleKind.SameValue);
        if (compiled.IsComplex)
        {
            return compiled;
        }

        (compiled.CfaRegister, compiled.CfaOffset) = (row.Cfa.Register, row.Cfa.Value);
        (compiled.Low, compiled.High) = (int.MaxValue, int.MinValue);
        compiled.Return = compiled.Compile(rules[DwarfRegister.Rip]);
        // A return address that nothing is said of is not "still in rip".
        compiled.IsComplex |= compiled.Return.Kind is RuleKind.SameValue;
        for (var i = 0; i < compiled.Saved.Length; i++)
        {
            compiled.Saved[i] = compiled.Compile(rules[DwarfRegister.CalleeSaved[i]]);
        }

        if (compiled.Low == int.MaxValue)
        {
            (compiled.Low, compiled.High) = (0, 0);
        }

        return compiled;
    }

    private Found Compile(RegisterRule rule)
    {
        switch (rule.Kind)
        {
            case RuleKind.Unspecified or RuleKind.SameValue:
                return new Found(RuleKind.SameValue, 0);
            case RuleKind.Undefined:
                return new Found(RuleKind.Undefined, 0);
            case RuleKind.Register:
                return new Found(RuleKind.Register, (int)rule.Value);
            case RuleKind.Offset when Math.Abs(rule.Value) <= MaxReach:
                Low = Math.Min(Low, (int)rule.Value);
                High = Math.Max(High, (int)rule.Value + sizeof(ulong));
                return new Found(RuleKind.Offset, (int)rule.Value);
            default:
                IsComplex = true;
                return default;
        }
    }
}
