namespace Harness.Model;

/// <summary>
/// Mistakes that a model could make, each a rule of Zig or of SCHEDULING.md broken in one place; only <c>mutants</c> asks for one. What each is, says
/// <see cref="PlantedDefects"/>, by these names.
/// </summary>
internal enum ModelDefect : byte
{
    None,
    ErrdeferSuccess,
    DeliveryLate,
    Schedule,
    Deadlock,
    Waiters,
    Cancel,
    Ledger,
    Serial,
    Fuel,
    Join,
    Persistent,
    TraceLine,
    Bridge,
    ErrorIndex,
}
