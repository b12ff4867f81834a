using System.Diagnostics;
using Harness.Model;
using Harness.Verification;

namespace Harness.Campaigns;

/// <summary>What shrinking came to: a case that fails by itself, in processes of its own, and what that looked like.</summary>
/// <param name="Steps">Accepted steps up to the case.</param>
/// <param name="SteppedBack">What was accepted last did not fail by itself.</param>
public sealed record ShrunkCase(Case Case, Recording Recording, int Steps, bool CapHit, TimeSpan Elapsed, bool SteppedBack = false);

/// <summary>
/// Shrinks a case under a time cap. Candidates are compiled many at a time, and a compiler may treat a program otherwise
/// in company; so the end result is compiled and run by itself. When it does not fail there, one of the last steps may, at little loss; or it does in the
/// company of a program that it was made from, which then is shrunk in turn; or else the last step that fails by itself is taken.
/// </summary>
/// <param name="onStep">Is given each accepted case with its number, from 1, to store it.</param>
public sealed class CaseShrinking(ICaseRunner runner, TimeSpan cap, Action<Case, int> onStep)
{
    /// <summary>A failure of several forms may have another one when the smaller case is recorded.</summary>
    private const int Recordings = 3;

    /// <summary>Steps back that are tried before company is: each is a compilation.</summary>
    private const int StepsBack = 4;

    /// <param name="first">The recording of the case itself.</param>
    /// <param name="others">Signatures besides its own that the case was seen to fail with.</param>
    /// <exception cref="EnvironmentUnusableException"/>
    /// <exception cref="OperationCanceledException">Cancelled from outside; what was given to onStep stands.</exception>
    public async Task<ShrunkCase> RunAsync(Case @case, Recording first, IReadOnlyCollection<string> others, string scratch, CancellationToken ct)
    {
        var work = new Work(others.Append(first.Signature).ToHashSet(StringComparer.Ordinal), FailureForms.IsDeath(first.Check), scratch, Stopwatch.GetTimestamp());
        await CollectAsync(@case, work, ct).ConfigureAwait(false);
        var all = work.Accepted.Count;
        var near = await LastAsync(work, all, Math.Max(0, all - StepsBack), ct).ConfigureAwait(false);
        if (all > 0 && (near is null || LosesMuch(near.Case, work.Accepted[all - 1])))
        {
            var made = new[] { near?.Case, work.Accepted.ElementAtOrDefault(all - 2), @case }.OfType<Case>();
            var social = await InCompanyAsync(made, work, ct).ConfigureAwait(false);
            near = social is not null && (near is null || StatementTree.Count(social.Case) < StatementTree.Count(near.Case)) ? social : near;
        }

        near ??= await LastAsync(work, all - StepsBack, 0, ct).ConfigureAwait(false);
        return work.Finish(near ?? new Found(@case, first, 0));
    }

    /// <summary>A case is read at a glance, or is half as long again as the smallest at most: then it need not have company.</summary>
    private static bool LosesMuch(Case near, Case smallest) =>
        StatementTree.Count(near) > Math.Max(Shrinker.SmallStatements, StatementTree.Count(smallest) * 3 / 2);

    /// <summary>The last step of those after <paramref name="least"/> up to <paramref name="most"/> that fails by itself.</summary>
    private async Task<Found?> LastAsync(Work work, int most, int least, CancellationToken ct)
    {
        for (var steps = most; steps > least; steps--)
        {
            if (await FailsAsync(work.Accepted[steps - 1], work, ct).ConfigureAwait(false) is { } recording)
            {
                return new Found(work.Accepted[steps - 1], recording, steps);
            }
        }

        return null;
    }

    /// <summary>The smallest case in the company of a program that it was made from, which has the same types and helpers, and so the compiler does not treat them as one program's own.</summary>
    /// <param name="made">The cases that it was made from, whose programs are tried in turn.</param>
    private async Task<Found?> InCompanyAsync(IEnumerable<Case> made, Work work, CancellationToken ct)
    {
        var (smallest, before) = (work.Accepted[^1], work.Accepted.Count);
        foreach (var program in made.Select(from => from.Program).Distinct().Where(program => program != smallest.Program && smallest.Company.Count < Case.MaxCompany))
        {
            var social = smallest with { Company = [program, .. smallest.Company] };
            if (await FailsAsync(social, work, ct).ConfigureAwait(false) is { } recording)
            {
                work.Accept(social, onStep);
                await CollectAsync(social, work, ct).ConfigureAwait(false);
                return await LastAsync(work, work.Accepted.Count, before + 1, ct).ConfigureAwait(false) ?? new Found(social, recording, before + 1);
            }
        }

        return null;
    }

    /// <summary>Its recording, when it fails by itself in one of the ways; null: it does not.</summary>
    private async Task<Recording?> FailsAsync(Case @case, Work work, CancellationToken ct)
    {
        for (var attempt = 0; attempt < (work.Forms.Count > 1 || work.Died ? Recordings : 1); attempt++)
        {
            var recording = await runner.RecordAsync(@case, work.Scratch, ct).ConfigureAwait(false);
            if (recording is { Conclusive: true, Holds: false } && (work.Forms.Contains(recording.Signature) || (work.Died && FailureForms.IsDeath(recording.Check))))
            {
                return recording;
            }
        }

        return null;
    }

    private async Task CollectAsync(Case @case, Work work, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(cap);
        try
        {
            await foreach (var smaller in runner.ShrinkAsync(@case, work.Forms, work.Scratch, limit.Token).ConfigureAwait(false))
            {
                work.Accept(smaller, onStep);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            work.CapHit = true;
        }
    }

    /// <summary>What is known so far.</summary>
    /// <param name="Forms">Signatures that a smaller case may fail with.</param>
    /// <param name="Died">Any end of the worker will do as well.</param>
    private sealed record Work(IReadOnlyCollection<string> Forms, bool Died, string Scratch, long Started)
    {
        private readonly List<Case> _accepted = [];

        public IReadOnlyList<Case> Accepted => _accepted;

        public bool CapHit { get; set; }

        public void Accept(Case smaller, Action<Case, int> onStep)
        {
            _accepted.Add(smaller);
            onStep(smaller, _accepted.Count);
        }

        public ShrunkCase Finish(Found found) =>
            new(found.Case, found.Recording, found.Steps, CapHit, Stopwatch.GetElapsedTime(Started), SteppedBack: found.Steps < _accepted.Count);
    }

    /// <summary>A case that fails by itself, after so many accepted steps.</summary>
    private sealed record Found(Case Case, Recording Recording, int Steps);
}
