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
        IReadOnlyList<Candidate> candidates, Case of, FailureForms forms, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(of);
        ArgumentNullException.ThrowIfNull(forms);
        var results = new Case?[candidates.Count];
        // The company comes last: candidates have the first places of whatever unit they are in.
        FiberProgram[] programs = [.. candidates.Select(c => c.Program), .. of.Company];
        var build = await new BatchBuilder(factory).BuildAsync(programs, of.Cell, directory, ct).ConfigureAwait(false);
        foreach (var failure in build.Failures.Where(failure => failure.Program < candidates.Count))
        {
            var finding = CompileFindings.Of(programs[failure.Program], of.Cell, failure.Outcome);
            results[failure.Program] = forms.Has(finding.Signature) ? finding.Case with { Company = of.Company } : null;
        }

        foreach (var (i, (indices, unit)) in build.Units.Index())
        {
            Candidate[] here = [.. indices.Where(index => index < candidates.Count).Select(index => candidates[index])];
            var tried = new UnitCandidates(unit, here, forms, Path.Combine(directory, $"unit-{i}-tried"));
            foreach (var (place, found) in here.Length > 0 ? await TryAsync(tried, ct).ConfigureAwait(false) : [])
            {
                results[indices[place]] ??= found with { Company = of.Company };
            }
        }

        return results;
    }

    public async Task<bool> FailsAsync(Case @case, FailureForms forms, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(forms);
        var result = await new CaseReplay(factory, runner).RunAsync(@case, directory, ct).ConfigureAwait(false);
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        return result is ReplayResult.Failed failed && forms.Has(failed.Finding.Signature);
    }

    /// <summary>By place in the unit.</summary>
    private async Task<List<(int Place, Case Case)>> TryAsync(UnitCandidates tried, CancellationToken ct)
    {
        var (unit, forms) = (tried.Unit, tried.Forms);
        var found = new List<(int, Case)>();
        if (forms.HasCheck(UnwindFindings.Check))
        {
            found.AddRange((await UnwindFindings.OfAsync(unit).ConfigureAwait(false)).Where(row => row.Place < tried.Candidates.Length && forms.Has(row.Finding.Signature)).Select(row => (row.Place, row.Finding.Case)));
        }

        if (forms.Any(StepSample.IsOwn))
        {
            found.AddRange(await SteppedAsync(tried, ct).ConfigureAwait(false));
        }

        if (forms.All(check => check == UnwindFindings.Check || StepSample.IsOwn(check)))
        {
            return found; // Nothing else needs to run.
        }

        var suspects = await SuspectsAsync(tried, ct).ConfigureAwait(false);
        var settled = suspects.Where(s => forms.IsSettledBy(s.Value[0].Check)).ToDictionary(s => s.Key, s => s.Value[0].Plan);
        var plans = settled.Count > 0 ? settled : await ConfirmedAsync(tried, suspects, ct).ConfigureAwait(false);
        found.AddRange(plans.Select(plan => (plan.Key, new Case(unit.Programs[plan.Key], unit.Cell, plan.Value))));
        return found;
    }

    /// <summary>By place in the unit: the case in which stepping shows one of the signatures, under the first plan of each candidate that is stepped through.</summary>
    private async Task<List<(int Place, Case Case)>> SteppedAsync(UnitCandidates tried, CancellationToken ct)
    {
        var found = new List<(int, Case)>();
        foreach (var (place, candidate) in tried.Candidates.Index())
        {
            if (candidate.Plans.FirstOrDefault(plan => plan.Disturbance.HasFlag(Disturbance.Stepped)) is { } plan)
            {
                var sample = await new StepSample(runner).RunAsync(tried.Unit, place, plan, Path.Combine(tried.Directory, $"steps-{place}"), ct).ConfigureAwait(false);
                found.AddRange(sample.Findings.Where(f => tried.Forms.Has(f.Signature)).Select(f => (place, f.Case)));
            }
        }

        return found;
    }

    /// <summary>By place in the unit: the first plans whose executions fail a signature's check.</summary>
    private async Task<Dictionary<int, (ExecutionPlan Plan, string Check)[]>> SuspectsAsync(UnitCandidates tried, CancellationToken ct)
    {
        var flags = tried.Forms.Any(FailureRecorder.IsAboutTraces) ? RowFlags.BothObservers | RowFlags.SendTraces : RowFlags.None;
        var plan = UnitPlan.Join(tried.Candidates.Select((candidate, place) => PlanComposer.Compose(candidate.Program, place, candidate.Plans, flags)));
        var run = await runner.RunAsync(tried.Unit, plan, Path.Combine(tried.Directory, "run"), ct).ConfigureAwait(false);
        return run.Failures
            .GroupBy(f => f.Row)
            .Select(g => (plan.Locate(g.Key).Program.UnitIndex, Plan: plan.ExecutionOf(g.Key), ObservationBuilder.Primary(g).Check))
            .Where(f => tried.Forms.HasCheck(f.Check))
            .GroupBy(f => f.UnitIndex)
            .Select(g => (g.Key, Checks: g.ToLookup(f => f.Plan, f => f.Check)))
            .Select(g => (g.Key, Suspects: InOrder(tried.Candidates[g.Key].Plans, g.Checks.Select(plans => plans.Key)).Select(p => (p, g.Checks[p].First())).Take(RecordedPerCandidate).ToArray()))
            .Where(g => g.Suspects.Length > 0)
            .ToDictionary(g => g.Key, g => g.Suspects);
    }

    /// <summary>By place in the unit: the first suspect that fails with one of the signatures when recorded.</summary>
    private async Task<Dictionary<int, ExecutionPlan>> ConfirmedAsync(UnitCandidates tried, Dictionary<int, (ExecutionPlan Plan, string Check)[]> suspects, CancellationToken ct)
    {
        const RowFlags flags = RowFlags.Record | RowFlags.SendTraces | RowFlags.BothObservers;
        var plan = UnitPlan.Join(suspects.Select(s => PlanComposer.Compose(tried.Unit.Programs[s.Key], s.Key, [.. s.Value.Select(suspect => suspect.Plan)], flags)));
        if (plan.Worker.Rows.Length == 0)
        {
            return [];
        }

        var run = await runner.RunAsync(tried.Unit, plan, Path.Combine(tried.Directory, "recorded"), ct).ConfigureAwait(false);
        var builder = new ObservationBuilder(tried.Unit, run);
        return run.Failures
            .Where(f => plan.Worker.Rows[f.Row].Flags.HasFlag(RowFlags.Record))
            .GroupBy(f => f.Row)
            .Where(g => tried.Forms.Has(builder.Build(g.Key, [.. g], recorded: true).Signature))
            .Select(g => (plan.Locate(g.Key).Program.UnitIndex, Plan: plan.ExecutionOf(g.Key)))
            .GroupBy(f => f.UnitIndex, f => f.Plan)
            .ToDictionary(g => g.Key, g => InOrder(suspects[g.Key].Select(suspect => suspect.Plan), g).First());
    }

    /// <summary>The plans among <paramref name="failed"/>, in the order they were asked for. (Baselines were not asked for.)</summary>
    private static IEnumerable<ExecutionPlan> InOrder(IEnumerable<ExecutionPlan> asked, IEnumerable<ExecutionPlan> failed)
    {
        var set = failed.ToHashSet();
        return asked.Where(set.Contains);
    }

    /// <summary>What was compiled together.</summary>
    /// <param name="Candidates">By their place in the unit.</param>
    private sealed record UnitCandidates(BuiltUnit Unit, Candidate[] Candidates, FailureForms Forms, string Directory);
}
