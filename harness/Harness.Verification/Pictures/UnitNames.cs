using Harness.Emit;

namespace Harness.Verification.Pictures;

/// <summary>Functions and lines of one program of a unit, in words.</summary>
internal sealed class UnitNames(BuiltUnit unit, int program)
{
    private readonly FunctionNames _names = new(unit.Programs[program]);
    private readonly string _prefix = $"{UnitCodeMap.SymbolPrefix}program_{program}.";

    public static string Place(int line) => line > 0 ? $"{UnitCodeMap.FileName}:{line}" : "";

    /// <summary>Name and place, as they stand in a column.</summary>
    public string Of(ExpectedFrame frame) => frame.Owner is { } owner ? Join(Of(owner), Place(frame.Line)) : "callback bridge";

    /// <summary>A function of another program (only a wrong trace has one) with that program's number.</summary>
    public string Of(SourceOwner owner) => owner.Program == program ? _names.Of(owner)
        : owner.Program < unit.Programs.Count ? $"program_{owner.Program}.{new FunctionNames(unit.Programs[owner.Program]).Of(owner)}"
        : owner.ToString();

    public string OfSymbol(string symbol) =>
        symbol.StartsWith(_prefix, StringComparison.Ordinal) ? symbol[_prefix.Length..]
        : symbol.StartsWith(UnitCodeMap.SymbolPrefix, StringComparison.Ordinal) ? symbol[UnitCodeMap.SymbolPrefix.Length..]
        : symbol;

    public string OfFunction(uint function) => function < (uint)unit.Programs[program].Functions.Count ? _names[(int)function] : $"function {function}";

    public string AtCheckpoint(int function) => Join(_names[function], Place(unit.Map.CheckpointLine(program, function)));

    public string AtSite(int function, int site) => Join(_names[function], Place(unit.Map.LineOfSite(program, site)));

    private static string Join(string name, string place) => place.Length > 0 ? $"{name} {place}" : name;
}
