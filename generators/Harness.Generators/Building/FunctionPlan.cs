using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>What is decided about a function before its body, and known about it afterwards.</summary>
internal sealed class FunctionPlan(int id)
{
    public int Id { get; } = id;

    public FunctionKind Kind { get; set; }

    public ErrorSet Errors { get; set; } = new ErrorSet.Infallible();

    public ZigType Payload { get; set; } = new ZigType.Void();

    public EquatableArray<ZigType> Parameters { get; set; } = [];

    public bool NoInline { get; set; }

    /// <summary>A fiber starts here: its parameters are makeable, its payload is no handle.</summary>
    public bool IsEntry { get; set; }

    /// <summary>On a cycle of thousands of frames: small values, no buffers, few calls.</summary>
    public bool IsDeep { get; set; }

    /// <summary>Perhaps on a call cycle, so its error set must be written out.</summary>
    public bool IsCyclic { get; set; }

    /// <summary>Functions that its body has to call.</summary>
    public List<int> Children { get; } = [];

    /// <summary>The function it calls back under fuel, −1: none.</summary>
    public int BackEdge { get; set; } = -1;

    /// <summary>Statements that its body may have, roughly.</summary>
    public int Budget { get; set; }

    /// <summary>
    /// Logical entries that one call makes at most, without those that fuel pays for. Known once the body is.
    /// </summary>
    public int Cost { get; set; } = 1;

    /// <summary>The mutexes that a call may lock. Known once the body is.</summary>
    public int Locks { get; set; }

    /// <summary>The user errors in its set; for an inferred set, those found so far.</summary>
    public UserErrors Raised { get; set; }

    public bool IsFallible => Errors is not ErrorSet.Infallible;

    public bool ReturnsHandle => Payload is ZigType.Handle;

    public Function ToFunction(EquatableArray<Statement> body) =>
        new(Id, Kind, Errors, Payload, Parameters, NoInline, body);
}
