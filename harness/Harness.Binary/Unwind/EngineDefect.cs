namespace Harness.Binary.Unwind;

/// <summary>Planted mistakes of the engine itself: tests put them in to see that what relies on it notices.</summary>
internal enum EngineDefect
{
    None,

    /// <summary>A restored state keeps the CFA that was in force.</summary>
    RestoreKeepsCfa,

    /// <summary>Factored offsets have the other sign.</summary>
    OffsetSign,

    /// <summary>Rows begin one byte late.</summary>
    AdvanceLate,

    /// <summary>A new CFA keeps the old one's register.</summary>
    CfaRegisterKept,

    /// <summary>A signed CFA offset is taken as it stands, unfactored.</summary>
    OffsetUnfactored,

    /// <summary>A return address that is said to be undefined is read all the same.</summary>
    EndIgnored,

    /// <summary>A caller that lies lower than its callee is taken for the end: what a segment above its parent looks like.</summary>
    OrderIsEnd,

    /// <summary>Saved registers are read one word above where they are.</summary>
    LoadsAbove,

    /// <summary>Of a function's rows its first is taken, wherever it is.</summary>
    FirstRow,
}
