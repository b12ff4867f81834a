using Harness.Model;

namespace Harness.Verification;

/// <summary>Whether a failure comes back.</summary>
public enum Repeatability
{
    /// <summary>Every time.</summary>
    Reproduced,

    /// <summary>Some times: a verdict of its own, neither pass nor fail.</summary>
    Flaky,

    /// <summary>Never, or never with the same signature.</summary>
    NotReproduced,
}

/// <summary>How often a failure came back in fresh processes.</summary>
/// <param name="Detailed">The first of the failures with the signature, recorded in full.</param>
/// <param name="Otherwise">How often it failed with other signatures.</param>
/// <param name="Others">These.</param>
public sealed record ConfirmationResult(Signature Signature, int Reproduced, int Attempts, Finding? Detailed, int Otherwise, EquatableArray<Signature> Others)
{
    /// <summary>The case fails by itself, in whatever way.</summary>
    public bool FailsAlone => Reproduced + Otherwise > 0;

    /// <summary>All the ways in which the case was seen to fail.</summary>
    public FailureForms Forms => new(Others.Append(Signature));

    public Repeatability Verdict =>
        Reproduced == 0 ? Repeatability.NotReproduced
        : Reproduced == Attempts ? Repeatability.Reproduced
        : Repeatability.Flaky;

    public override string ToString() => $"reproduced {Reproduced}/{Attempts}";
}

/// <summary>Runs a finding's case again in fresh processes before it is reported.</summary>
public sealed class Confirmer(IUnitFactory factory, IUnitRunner runner)
{
    public const int DefaultAttempts = 10;

    /// <summary>A failing compilation is dear and hardly ever chance: it is repeated fewer times.</summary>
    private const int CompileAttempts = 2;

    /// <summary>Each costs a timeout.</summary>
    private const int HangAttempts = 3;

    public async Task<ConfirmationResult> ConfirmAsync(
        Case @case, Signature signature, string directory, CancellationToken ct, int attempts = DefaultAttempts)
    {
        ArgumentNullException.ThrowIfNull(signature);
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, 1);
        var replay = new CaseReplay(factory, runner);
        var count = new Count(signature);
        var (outcome, unit) = await replay.BuildAsync(@case, directory, ct).ConfigureAwait(false);
        if (unit is null)
        {
            count.Add(CompileFindings.Of(@case.Program, @case.Cell, outcome));
            for (var i = 1; i < Math.Min(attempts, CompileAttempts); i++)
            {
                (outcome, unit) = await replay.BuildAsync(@case, Path.Combine(directory, $"again-{i}"), ct).ConfigureAwait(false);
                count.Add(unit is null ? CompileFindings.Of(@case.Program, @case.Cell, outcome) : null);
            }

            return count.Result;
        }

        for (var i = 0; i < (signature.Check == "hang" ? Math.Min(attempts, HangAttempts) : attempts); i++)
        {
            var result = await replay.RunAsync(unit, @case.Plan, Path.Combine(directory, $"confirm-{i}"), ct, signature).ConfigureAwait(false);
            count.Add((result as ReplayResult.Failed)?.Finding);
        }

        return count.Result;
    }

    private sealed class Count(Signature signature)
    {
        private readonly List<Signature> _others = [];
        private Finding? _detailed;
        private int _reproduced;
        private int _attempts;

        public ConfirmationResult Result => new(
            signature, _reproduced, _attempts, _detailed, _others.Count, _others.Distinct().OrderBy(other => other.ToString(), StringComparer.Ordinal).ToEquatableArray());

        public void Add(Finding? finding)
        {
            _attempts++;
            if (finding?.Signature == signature)
            {
                _reproduced++;
                _detailed ??= finding;
            }
            else if (finding is not null)
            {
                _others.Add(finding.Signature);
            }
        }
    }
}
