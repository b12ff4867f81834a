namespace Harness.Verification.Mutation;

/// <summary>
/// Mistakes that what judges a worker's messages could make; only <c>mutants</c> asks for one. What each is, says
/// <see cref="Model.PlantedDefects"/>, by these names.
/// </summary>
internal enum CheckerDefect : byte
{
    None,

    /// <summary>Frames before the first expected one are passed over.</summary>
    Leading,

    /// <summary>A trace that ends early is whole.</summary>
    Missing,

    /// <summary>How a trace ended does not matter.</summary>
    End,

    /// <summary>A frame's line does not matter.</summary>
    Line,

    /// <summary>An overflow's log is not compared with the model's.</summary>
    Overflow,

    /// <summary>How many entries an error return trace has does not matter.</summary>
    ErrorCount,

    /// <summary>Where an error return trace's entries were made does not matter.</summary>
    ErrorPlace,

    /// <summary>Traces that were not sent are not missed.</summary>
    Unsent,

    /// <summary>What a process died of is nobody's failure.</summary>
    Crash,

    /// <summary>A probe's site does not matter.</summary>
    Site,
}
