using System.Diagnostics;
using Harness.Model;
using Harness.Verification;

namespace Harness.Campaigns;

/// <summary>What shrinking came to: a case that fails alone, in processes of its own, and what that looked like.</summary>
/// <param name="Steps">Accepted steps up to the case.</param>
public sealed record ShrunkCase(Case Case, Recording Recording, int Steps, bool CapHit, TimeSpan Elapsed);

/// <summary>
/// Shrinks a case under a time cap. Candidates are compiled many at a time, and a compiler may treat a program otherwise
/// in company; so the end result is run alone, and when it does not fail the same way there, the step before is taken.
/// </summary>
/// <param name="onStep">Is given each accepted case with its number, from 1, to store it.</param>
public sealed class CaseShrinking(ICaseRunner runner, TimeSpan cap, Action<Case, int> onStep)
{
    /// <summary>A failure of several forms may have another one when the smaller case is recorded.</summary>
    private const int Recordings = 3;

    /// <param name="first">The recording of the case itself.</param>
    /// <param name="others">Signatures besides its own that the case was seen to fail with.</param>
    /// <exception cref="EnvironmentUnusableException"/>
    /// <exception cref="OperationCanceledException">Cancelled from outside; what was given to onStep stands.</exception>
    public async Task<ShrunkCase> RunAsync(Case @case, Recording first, IReadOnlyCollection<string> others, string scratch, CancellationToken ct)
    {
        var forms = others.Append(first.Signature).ToHashSet(StringComparer.Ordinal);
        var died = FailureForms.IsDeath(first.Check);
        var started = Stopwatch.GetTimestamp();
        var accepted = new List<Case>();
        var capHit = await CollectAsync(@case, forms, scratch, accepted, ct).ConfigureAwait(false);
        for (var steps = accepted.Count; steps > 0; steps--)
        {
            for (var attempt = 0; attempt < (forms.Count > 1 || died ? Recordings : 1); attempt++)
            {
                var recording = await runner.RecordAsync(accepted[steps - 1], scratch, ct).ConfigureAwait(false);
                if (recording is { Conclusive: true, Holds: false } && (forms.Contains(recording.Signature) || (died && FailureForms.IsDeath(recording.Check))))
                {
                    return new ShrunkCase(accepted[steps - 1], recording, steps, capHit, Stopwatch.GetElapsedTime(started));
                }
            }
        }

        return new ShrunkCase(@case, first, 0, capHit, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>True when the time cap ended it.</summary>
    private async Task<bool> CollectAsync(Case @case, IReadOnlyCollection<string> forms, string scratch, List<Case> accepted, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(cap);
        try
        {
            await foreach (var smaller in runner.ShrinkAsync(@case, forms, scratch, limit.Token).ConfigureAwait(false))
            {
                accepted.Add(smaller);
                onStep(smaller, accepted.Count);
            }

            return false;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return true;
        }
    }
}
