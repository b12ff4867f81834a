using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// Makes the company smaller in which a case fails. Each try is a compilation of its own, since company is all that a unit of several tries would give to each of
/// them.
/// </summary>
/// <param name="candidates">Smaller programs, the boldest first.</param>
/// <param name="directory">Becomes its own.</param>
internal sealed class CompanyShrinker(Func<FiberProgram, IEnumerable<FiberProgram>> candidates, ICandidateRunner runner, string directory)
{
    private readonly HashSet<Case> _tried = [];

    /// <summary>
    /// The programs without which the case does not fail: halves first, as of many programs usually one matters, and then without a part at a time (ddmin,
    /// Zeller and Hildebrandt 2002).
    /// </summary>
    /// <param name="onStep">Is given the case itself, if it fails at all, and each one of less company: what stands when time is up.</param>
    public async Task ReduceAsync(Case whole, FailureForms forms, Action<Case> onStep, CancellationToken ct)
    {
        if (!await FailsAsync(whole, forms, ct).ConfigureAwait(false))
        {
            return;
        }

        var current = whole;
        onStep(current);
        while (current.Company.Count > 1 && await HalfAsync(current, forms, ct).ConfigureAwait(false) is { } half)
        {
            onStep(current = half);
        }

        for (var size = current.Company.Count / 2; size > 0; size /= 2)
        {
            for (var start = 0; start < current.Company.Count && current.Company.Count > size;)
            {
                var less = Without(current, start, size);
                if (await FailsAsync(less, forms, ct).ConfigureAwait(false))
                {
                    onStep(current = less);
                }
                else
                {
                    start += size;
                }
            }
        }
    }

    private async Task<Case?> HalfAsync(Case current, FailureForms forms, CancellationToken ct)
    {
        var middle = current.Company.Count / 2;
        foreach (var half in (Case[])[Without(current, middle, current.Company.Count - middle), Without(current, 0, middle)])
        {
            if (await FailsAsync(half, forms, ct).ConfigureAwait(false))
            {
                return half;
            }
        }

        return null;
    }

    /// <summary>The case with one program of its company gone, or smaller; null: nothing less will do.</summary>
    public async Task<Case?> SmallerAsync(Case current, FailureForms forms, ShrinkStatistics statistics, CancellationToken ct)
    {
        foreach (var smaller in Smaller(current))
        {
            if (_tried.Add(smaller))
            {
                (statistics.Tried, statistics.Batches) = (statistics.Tried + 1, statistics.Batches + 1);
                if (await FailsAsync(smaller, forms, ct).ConfigureAwait(false))
                {
                    return smaller;
                }
            }
        }

        return null;
    }

    private IEnumerable<Case> Smaller(Case current)
    {
        for (var i = 0; i < current.Company.Count; i++)
        {
            yield return Without(current, i, 1);
        }

        for (var i = 0; i < current.Company.Count; i++)
        {
            foreach (var program in candidates(current.Company[i]))
            {
                yield return current with { Company = [.. current.Company.Select((other, k) => k == i ? program : other)] };
            }
        }
    }

    private static Case Without(Case current, int start, int count) =>
        current with { Company = [.. current.Company.Where((_, i) => i < start || i >= start + count)] };

    private Task<bool> FailsAsync(Case @case, FailureForms forms, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return runner.FailsAsync(@case, forms, directory, ct);
    }
}
