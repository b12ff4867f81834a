using Harness.Emit;

namespace Harness.Verification.Pictures;

/// <summary>A function that an address is in: of the program, or something else's (no owner).</summary>
internal sealed record LogicalFrame(SourceOwner? Owner, int Line, string Function, string Place, bool Inlined = false, bool IsStart = false, bool IsBridge = false)
{
    public string Text => Place.Length > 0 ? $"{Function} {Place}" : Function;
}

/// <summary>Which functions return addresses are in, inlined ones before the one whose code it is.</summary>
internal sealed class FramePlaces(BuiltUnit unit, int program, CodeRanges ranges)
{
    /// <summary>The runtime's first frame of a fiber, in words.</summary>
    public const string Start = "fiber start";

    public UnitNames Names { get; } = new(unit, program);

    public bool IsStub(ulong returnAddress) => ranges.Stub.ContainsReturn(returnAddress);

    public IReadOnlyList<LogicalFrame> Logical(ulong returnAddress)
    {
        if (ranges.Entry.ContainsReturn(returnAddress))
        {
            return [new LogicalFrame(null, 0, Start, "", IsStart: true)];
        }

        if (ranges.Bridge.ContainsReturn(returnAddress))
        {
            return [new LogicalFrame(null, 0, "callback bridge", "", IsBridge: true)];
        }

        var position = unit.Code.Resolve(unchecked(returnAddress - 1));
        if (position.Function is null)
        {
            return [new LogicalFrame(null, 0, Names.OfSymbol(position.Symbol), position.SupportLine > 0 ? $"{SupportLines.FileName}:{position.SupportLine}" : "")];
        }

        return [.. position.Frames.Select(f => new LogicalFrame(f.Owner, f.Line, Names.Of(f.Owner), UnitNames.Place(f.Line), f.IsInlined))];
    }
}
