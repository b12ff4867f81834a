namespace Harness.Model;

/// <summary>Where a planted defect lives, which decides how it is switched on.</summary>
public enum DefectSeat
{
    /// <summary><c>zig-fixtures/mutants/&lt;name&gt;.zig</c> in place of <c>none.zig</c>.</summary>
    Zig,

    /// <summary><c>-DHS_DEFECT_&lt;NAME&gt;</c> for morestack.S.</summary>
    Assembly,

    /// <summary>The emitted source differs from what the model ran.</summary>
    EmittedProgram,

    /// <summary>Checks are put where none may be.</summary>
    Injection,
}

/// <summary>
/// A small mistake put there on purpose: the harness must find it, or its "held" means nothing. Described in
/// <c>zig-fixtures/mutants/README.md</c>.
/// </summary>
public sealed record PlantedDefect(string Name, DefectSeat Seat)
{
    public static readonly EquatableArray<PlantedDefect> All =
    [
        new("return_register", DefectSeat.Assembly),
        new("cfi", DefectSeat.Assembly),
        new("prologue_arguments", DefectSeat.Assembly),
        new("warm_room", DefectSeat.Assembly),
        new("warm_limit", DefectSeat.Assembly),
        new("budget_silent", DefectSeat.Zig),
        new("reserve_once", DefectSeat.Zig),
        new("allocation_silent", DefectSeat.Zig),
        new("limit_restore", DefectSeat.Zig),
        new("argument_copy", DefectSeat.Zig),
        new("segment_release", DefectSeat.Zig),
        new("ledger_order", DefectSeat.Zig),
        new("ledger_forgets", DefectSeat.Zig),
        new("thread_limit", DefectSeat.Zig),
        new("second_opinion", DefectSeat.Zig),
        new("errdefer_order", DefectSeat.EmittedProgram),
        new("return_address", DefectSeat.Injection),
    ];

    /// <summary>The defect of that name, or null.</summary>
    public static PlantedDefect? Named(string name) => All.FirstOrDefault(d => d.Name == name);

    /// <summary>The preprocessor symbol of an <see cref="DefectSeat.Assembly"/> defect.</summary>
    public string Symbol => "HS_DEFECT_" + Name.ToUpperInvariant();
}
