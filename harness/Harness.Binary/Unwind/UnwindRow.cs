using System.Globalization;

namespace Harness.Binary.Unwind;

/// <summary>How a register's value in the caller is found.</summary>
public enum RuleKind : byte
{
    /// <summary>Nothing said: in practice the register still has it.</summary>
    Unspecified,
    Undefined,
    SameValue,

    /// <summary>In memory at CFA + value.</summary>
    Offset,

    /// <summary>Is CFA + value.</summary>
    ValueOffset,

    /// <summary>In another register.</summary>
    Register,

    /// <summary>In memory where an expression says.</summary>
    Expression,

    /// <summary>What an expression gives.</summary>
    ValueExpression,
}

/// <summary>x86-64 registers by their DWARF numbers.</summary>
public static class DwarfRegister
{
    public const int Rax = 0;
    public const int Rdx = 1;
    public const int Rcx = 2;
    public const int Rbx = 3;
    public const int Rsi = 4;
    public const int Rdi = 5;
    public const int Rbp = 6;
    public const int Rsp = 7;
    public const int R8 = 8;
    public const int R12 = 12;
    public const int R15 = 15;

    /// <summary>The return address column.</summary>
    public const int Rip = 16;

    /// <summary>How many are followed.</summary>
    public const int Count = 17;

    private static readonly string[] _names =
        ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra"];

    /// <summary>Those that a function gives back as it got them.</summary>
    public static ReadOnlySpan<int> CalleeSaved => [Rbx, Rbp, R12, 13, 14, R15];

    public static string Name(int register) => register is >= 0 and < Count ? _names[register] : $"r{register}";

    /// <summary>The number of a name as readelf prints it, or −1.</summary>
    public static int Of(string name) => Array.IndexOf(_names, name);
}

/// <summary>A register's rule.</summary>
/// <param name="Value">An offset from the CFA, a register, or where in the section an expression starts.</param>
/// <param name="Length">Of an expression, in bytes.</param>
public readonly record struct RegisterRule(RuleKind Kind, long Value = 0, int Length = 0)
{
    /// <summary>As <c>readelf -wF</c> writes it.</summary>
    public override string ToString() => Kind switch
    {
        RuleKind.Unspecified or RuleKind.Undefined => "u",
        RuleKind.SameValue => "s",
        RuleKind.Offset => string.Create(CultureInfo.InvariantCulture, $"c{Value:+0;-0;+0}"),
        RuleKind.ValueOffset => string.Create(CultureInfo.InvariantCulture, $"v{Value:+0;-0;+0}"),
        RuleKind.Register => DwarfRegister.Name((int)Value),
        RuleKind.Expression => "exp",
        _ => "vexp",
    };
}

/// <summary>Where the CFA is: a register plus an offset, or an expression.</summary>
/// <param name="Register">−1 for an expression; −2 when nothing is said.</param>
/// <param name="Value">The offset, or where in the section the expression starts.</param>
public readonly record struct CfaRule(int Register, long Value, int Length = 0)
{
    public static readonly CfaRule None = new(-2, 0);

    public bool IsNone => Register == -2;

    public bool IsExpression => Register == -1;

    /// <summary>As <c>readelf -wF</c> writes it.</summary>
    public override string ToString() => IsNone ? "none" : IsExpression
        ? "exp"
        : string.Create(CultureInfo.InvariantCulture, $"{DwarfRegister.Name(Register)}{Value:+0;-0;+0}");
}

/// <summary>The rules of all registers; unchangeable.</summary>
public readonly struct RegisterRules
{
    internal static readonly RegisterRules Unspecified = new(new RegisterRule[DwarfRegister.Count]);
    private readonly RegisterRule[] _rules;

    private RegisterRules(RegisterRule[] rules) => _rules = rules;

    public RegisterRule this[int register] => _rules[register];

    internal RegisterRules With(int register, RegisterRule rule)
    {
        if (_rules[register] == rule)
        {
            return this;
        }

        var rules = (RegisterRule[])_rules.Clone();
        rules[register] = rule;
        return new RegisterRules(rules);
    }
}

/// <summary>What holds from <paramref name="Start"/> up to <paramref name="End"/>.</summary>
public sealed record UnwindRow(ulong Start, ulong End, CfaRule Cfa, RegisterRules Registers)
{
    /// <summary>The CFA and every register that has a rule.</summary>
    public override string ToString()
    {
        var registers = Registers;
        return Cfa + string.Concat(Enumerable.Range(0, DwarfRegister.Count)
            .Where(r => registers[r].Kind is not RuleKind.Unspecified)
            .Select(r => $" {DwarfRegister.Name(r)}={registers[r]}"));
    }
}

/// <summary>The rows of one FDE, in order and without holes.</summary>
/// <param name="Problem">Where they end early, why. Without one they reach to the FDE's end.</param>
public sealed record UnwindRows(IReadOnlyList<UnwindRow> Rows, UnwindProblem? Problem)
{
    /// <summary>The row that covers an address, or null.</summary>
    public UnwindRow? At(ulong address)
    {
        var (low, high) = (0, Rows.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Rows[middle].Start <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && address < Rows[low - 1].End ? Rows[low - 1] : null;
    }
}
