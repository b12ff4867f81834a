using Harness.Model;

namespace Harness.Verification.Mutation;

/// <summary>What became of a planted defect.</summary>
public abstract record MutantVerdict
{
    private MutantVerdict()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <summary>What is known after another trial: programs that do not come to a defect take back nothing of what earlier ones said.</summary>
    /// <param name="earlier">Null: there was none.</param>
    public static MutantVerdict After(MutantVerdict? earlier, MutantVerdict trial) => trial is NotReached && earlier is TimedOut or Survived ? earlier! : trial;

    /// <summary>A check complained.</summary>
    /// <param name="Check">The one nearest to the cause, of the first execution that failed.</param>
    /// <param name="Case">That execution; null where no execution is to blame (unwind rows, recordings).</param>
    /// <param name="Signature">What the shrinker looks for; null where there is nothing to shrink.</param>
    public sealed record Killed(string Check, Case? Case, Signature? Signature) : MutantVerdict { internal override Sealed Seal => default; }

    /// <summary>Changed code ran and nothing complained.</summary>
    public sealed record Survived(string Detail) : MutantVerdict { internal override Sealed Seal => default; }

    /// <summary>The changed code never ran, so nothing is known.</summary>
    public sealed record NotReached : MutantVerdict { internal override Sealed Seal => default; }

    /// <summary>An execution did not end; nothing else complained. Never a kill: a slow machine would do the same.</summary>
    public sealed record TimedOut : MutantVerdict { internal override Sealed Seal => default; }

    /// <summary>It does not compile or link: no defect that could have come to be.</summary>
    public sealed record NotBuilt(string Detail) : MutantVerdict { internal override Sealed Seal => default; }
}

/// <summary>A trial of a defect on the programs of one unit.</summary>
/// <param name="Reached">How often the changed code ran, in finished executions; null where nobody counts.</param>
/// <param name="After">From the beginning of the trial, its own building included, to its verdict.</param>
public sealed record MutantTrial(PlantedDefect Defect, MutantVerdict Verdict, long? Reached, TimeSpan After);
