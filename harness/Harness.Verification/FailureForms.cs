namespace Harness.Verification;

/// <summary>
/// The ways in which a smaller case may fail and still be taken for the same failure: those that the case itself was seen to have when it was run several
/// times. A defect that reads or writes wild memory seldom does the same twice.
/// </summary>
public sealed record FailureForms
{
    /// <summary>How a worker's process ends against its will: where and how is chance once memory is wild.</summary>
    private static readonly string[] _deaths = ["crash", "hang", "exit"];

    private readonly HashSet<Signature> _seen;
    private readonly bool _anyDeath;

    public FailureForms(IEnumerable<Signature> seen)
        : this(seen.ToHashSet(), false)
    {
    }

    private FailureForms(HashSet<Signature> seen, bool anyDeath) => (_seen, _anyDeath) = (seen, anyDeath);

    /// <summary>The check is failed by the worker's own end.</summary>
    public static bool IsDeath(string check) => _deaths.Contains(check);

    /// <summary>Any end of the worker stands for those that were seen; null: none was seen.</summary>
    public FailureForms? WithAnyDeath() => !_anyDeath && Any(IsDeath) ? new FailureForms(_seen, true) : null;

    public bool Has(Signature signature)
    {
        ArgumentNullException.ThrowIfNull(signature);
        return _seen.Contains(signature) || IsSettledBy(signature.Check);
    }

    /// <summary>Some form fails this check.</summary>
    public bool HasCheck(string check) => _seen.Any(form => form.Check == check) || IsSettledBy(check);

    /// <summary>That this check failed says all: no recording can tell more.</summary>
    public bool IsSettledBy(string check) => _anyDeath && IsDeath(check);

    /// <summary>Some form's check is one of these.</summary>
    public bool Any(Func<string, bool> check) => _seen.Any(form => check(form.Check));

    public bool All(Func<string, bool> check) => _seen.All(form => check(form.Check));
}
