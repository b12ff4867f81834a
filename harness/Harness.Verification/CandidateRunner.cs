using Harness.Execution;
using Harness.Model;
using Harness.Verification.Stepping;

namespace Harness.Verification;

/// <summary>
/// The real one: compiles candidates together, runs their plans, and records the first executions that fail a
/// signature's check to see whether they fail alike.
/// </summary>
public sealed class CandidateRunner(IUnitFactory factory, IUnitRunner runner) : ICandidateRunner
{
    private const int RecordedPerCandidate = 3;

    public async Task<IReadOnlyList<Case?>> TryAsync(
        IReadOnlyList<Candidate> candidates, Cell cell, FailureForms forms, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(forms);
        var results = new Case?[candidates.Count];
        var programs = candidates.Select(c => c.Program).ToArray();
        var build = await new BatchBuilder(factory).BuildAsync(programs, cell, directory, ct).ConfigureAwait(false);
        foreach (var failure in build.Failures)
        {
            var finding = CompileFindings.Of(programs[failure.Program], cell, failure.Outcome);
            results[failure.Program] = forms.Has(finding.Signature) ? finding.Case : null;
        }

        var number = 0;
        foreach (var (indices, unit) in build.Units)
        {
            if (forms.HasCheck(UnwindFindings.Check))
            {
                foreach (var (place, finding) in (await UnwindFindings.OfAsync(unit).ConfigureAwait(false)).Where(found => forms.Has(found.Finding.Signature)))
                {
                    results[indices[place]] = finding.Case;
                }
            }

            if (forms.Any(StepSample.IsOwn))
            {
                foreach (var (place, stepped) in await SteppedAsync(unit, indices, candidates, forms, Path.Combine(directory, $"run-{number++}"), ct).ConfigureAwait(false))
                {
                    results[indices[place]] ??= stepped;
                }
            }

            if (forms.All(check => check == UnwindFindings.Check || StepSample.IsOwn(check)))
            {
                continue; // Nothing else needs to run.
            }

            var wanted = indices.Select((index, place) => (index, place)).ToDictionary(p => p.place, p => candidates[p.index]);
            var suspects = await SuspectsAsync(unit, wanted, forms, Path.Combine(directory, $"run-{number}"), ct).ConfigureAwait(false);
            var again = Path.Combine(directory, $"record-{number++}");
            var settled = suspects.Where(s => forms.IsSettledBy(s.Value[0].Check)).ToDictionary(s => s.Key, s => s.Value[0].Plan);
            var found = settled.Count > 0
                ? settled
                : await ConfirmedAsync(unit, suspects.ToDictionary(s => s.Key, s => s.Value.Select(suspect => suspect.Plan).ToArray()), forms, again, ct).ConfigureAwait(false);
            foreach (var (place, plan) in found)
            {
                results[indices[place]] ??= new Case(unit.Programs[place], cell, plan);
            }
        }

        return results;
    }

    /// <summary>By place in the unit: the case in which stepping shows one of the signatures, under the first plan of each candidate that is stepped through.</summary>
    private async Task<List<(int Place, Case Case)>> SteppedAsync(
        BuiltUnit unit, int[] indices, IReadOnlyList<Candidate> candidates, FailureForms forms, string directory, CancellationToken ct)
    {
        var found = new List<(int, Case)>();
        for (var place = 0; place < indices.Length; place++)
        {
            if (candidates[indices[place]].Plans.FirstOrDefault(plan => plan.Disturbance.HasFlag(Disturbance.Stepped)) is { } plan)
            {
                var sample = await new StepSample(runner).RunAsync(unit, place, plan, Path.Combine(directory, $"steps-{place}"), ct).ConfigureAwait(false);
                found.AddRange(sample.Findings.Where(f => forms.Has(f.Signature)).Select(f => (place, f.Case)));
            }
        }

        return found;
    }

    /// <summary>By place in the unit: the first plans whose executions fail a signature's check.</summary>
    private async Task<Dictionary<int, (ExecutionPlan Plan, string Check)[]>> SuspectsAsync(
        BuiltUnit unit, Dictionary<int, Candidate> candidates, FailureForms forms, string directory, CancellationToken ct)
    {
        var flags = forms.Any(FailureRecorder.IsAboutTraces) ? RowFlags.BothObservers | RowFlags.SendTraces : RowFlags.None;
        var plan = UnitPlan.Join(candidates.Select(c => PlanComposer.Compose(c.Value.Program, c.Key, c.Value.Plans, flags)));
        var run = await runner.RunAsync(unit, plan, directory, ct).ConfigureAwait(false);
        return run.Failures
            .GroupBy(f => f.Row)
            .Select(g => (plan.Locate(g.Key).Program.UnitIndex, Plan: plan.ExecutionOf(g.Key), ObservationBuilder.Primary(g).Check))
            .Where(f => forms.HasCheck(f.Check))
            .GroupBy(f => f.UnitIndex)
            .Select(g => (g.Key, Checks: g.ToLookup(f => f.Plan, f => f.Check)))
            .Select(g => (g.Key, Suspects: InOrder(candidates[g.Key].Plans, g.Checks.Select(plans => plans.Key)).Select(p => (p, g.Checks[p].First())).Take(RecordedPerCandidate).ToArray()))
            .Where(g => g.Suspects.Length > 0)
            .ToDictionary(g => g.Key, g => g.Suspects);
    }

    /// <summary>By place in the unit: the first suspect that fails with one of the signatures when recorded.</summary>
    private async Task<Dictionary<int, ExecutionPlan>> ConfirmedAsync(
        BuiltUnit unit, Dictionary<int, ExecutionPlan[]> suspects, FailureForms forms, string directory, CancellationToken ct)
    {
        const RowFlags flags = RowFlags.Record | RowFlags.SendTraces | RowFlags.BothObservers;
        var plan = UnitPlan.Join(suspects
            .Where(s => s.Value.Length > 0)
            .Select(s => PlanComposer.Compose(unit.Programs[s.Key], s.Key, s.Value, flags)));
        if (plan.Worker.Rows.Length == 0)
        {
            return [];
        }

        var run = await runner.RunAsync(unit, plan, directory, ct).ConfigureAwait(false);
        var builder = new ObservationBuilder(unit, run);
        return run.Failures
            .Where(f => plan.Worker.Rows[f.Row].Flags.HasFlag(RowFlags.Record))
            .GroupBy(f => f.Row)
            .Where(g => forms.Has(builder.Build(g.Key, [.. g], recorded: true).Signature))
            .Select(g => (plan.Locate(g.Key).Program.UnitIndex, Plan: plan.ExecutionOf(g.Key)))
            .GroupBy(f => f.UnitIndex, f => f.Plan)
            .ToDictionary(g => g.Key, g => InOrder(suspects[g.Key], g).First());
    }

    /// <summary>The plans among <paramref name="failed"/>, in the order they were asked for. (Baselines were not asked for.)</summary>
    private static IEnumerable<ExecutionPlan> InOrder(IEnumerable<ExecutionPlan> asked, IEnumerable<ExecutionPlan> failed)
    {
        var set = failed.ToHashSet();
        return asked.Where(set.Contains);
    }
}
