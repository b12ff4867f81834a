namespace Harness.Model;

/// <summary>Where a planted defect lives, which decides how it is switched on.</summary>
public enum DefectSeat
{
    /// <summary>
    /// <c>zig-fixtures/mutants/defect.zig</c>: in every worker that is linked for defects of Zig, asleep until the plan names it.
    /// </summary>
    Zig,

    /// <summary>Another text in place of one of the assembly's (<c>Harness.Toolchain/StubPatches.cs</c>): stubs of their own, linked anew.</summary>
    Assembly,

    /// <summary>The emitted source differs from what the model ran.</summary>
    EmittedProgram,

    /// <summary>What puts the checks in errs (<c>Harness.Binary/InjectionDefect.cs</c>).</summary>
    Injection,

    /// <summary>The model errs, everything else is right.</summary>
    Model,

    /// <summary>What judges a worker's messages errs: it accepts what it should refuse, or the other way round.</summary>
    Checker,

    /// <summary>
    /// Another text in place of one of the product's that no worker has, or that no campaign comes to (<c>Harness.Toolchain/ProductPatches.cs</c>): the
    /// package's own tests are what must find it.
    /// </summary>
    Product,
}

/// <summary>What kind of mistake it is; the mutation score is told of each.</summary>
public enum DefectFamily
{
    Registers,
    Limits,
    Arguments,
    Segments,
    Growth,
    Release,
    FaultDelivery,
    Scheduler,
    Ledger,
    Cfi,
    EmittedProgram,
    Model,
    Checker,
    Injection,
    Memory,
}

/// <summary>
/// A small mistake put there on purpose: the harness must find it, or its "held" means nothing. All are in <see cref="PlantedDefects"/>.
/// </summary>
/// <param name="Name">Its name in the code that has it, and on the command line.</param>
/// <param name="What">What is wrong, in a few words.</param>
public sealed record PlantedDefect(string Name, DefectFamily Family, DefectSeat Seat, string What)
{
    public static EquatableArray<PlantedDefect> All => PlantedDefects.All;

    /// <summary>The cell where it is looked for; a defect of LLVM's stub cannot show in a thunk.</summary>
    public Cell Cell { get; init; } = new(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);

    /// <summary>
    /// Of a check's own defect: what is planted beside it, and which check must then complain. The recording is known to be bad, so it must not
    /// pass.
    /// </summary>
    public (string Defect, string Check)? MustSee { get; init; }

    /// <summary>Why nothing can tell it from no defect; null where something must. <c>mutants</c> says so when something does.</summary>
    public string? EquivalentBecause { get; init; }

    /// <summary>Found by chance of time alone, so a case of it does not fail each time.</summary>
    public bool IsUnsteady { get; init; }

    /// <summary>Its number in <c>zig-fixtures/mutants/defect.zig</c>; 0 for those that are not there.</summary>
    public uint Number => PlantedDefects.NumberOf(this);

    /// <summary>The defect of that name, or null.</summary>
    public static PlantedDefect? Named(string name) => All.FirstOrDefault(d => d.Name == name);
}
