using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Explaining;

/// <summary>
/// The real one: programs are compiled once each, all in one unit; each variant is a plan of its own with its own baselines, so that none stands
/// in the way of another.
/// </summary>
public sealed class VariantRunner(IUnitFactory factory, IUnitRunner runner) : IVariantRunner
{
    public async Task<IReadOnlyList<VariantResult>> RunAsync(
        IReadOnlyList<Case> variants, Case original, Signature signature, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(variants);
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(signature);
        var results = new VariantResult[variants.Count];
        if (variants.Count == 0)
        {
            return results;
        }

        var programs = variants.Select(variant => variant.Program).Distinct().ToArray();
        var build = await new BatchBuilder(factory).BuildAsync([.. programs, .. original.Company], variants[0].Cell, directory, ct).ConfigureAwait(false);
        foreach (var failure in build.Failures.Where(failure => failure.Program < programs.Length))
        {
            var found = CompileFindings.Of(programs[failure.Program], variants[0].Cell, failure.Outcome).Signature;
            Enter(program => program == programs[failure.Program], _ => Fate(found, original, original, signature));
        }

        var number = 0;
        foreach (var (indices, unit) in build.Units)
        {
            var mine = Enumerable.Range(0, variants.Count).Where(i => Array.IndexOf(indices, Array.IndexOf(programs, variants[i].Program)) >= 0).ToArray();
            if (signature.Check == UnwindFindings.Check)
            {
                var rows = await UnwindFindings.OfAsync(unit).ConfigureAwait(false);
                Enter(program => unit.Programs.Contains(program), program => Of(rows.Where(found => unit.Programs[found.Place] == program).Select(found => found.Finding.Signature), original, signature));
                continue;
            }

            await RunAsync(unit, mine, Path.Combine(directory, $"variants-{number++}"), ct).ConfigureAwait(false);
        }

        return results;

        void Enter(Func<FiberProgram, bool> concerned, Func<FiberProgram, VariantResult> result)
        {
            for (var i = 0; i < variants.Count; i++)
            {
                results[i] = concerned(variants[i].Program) ? result(variants[i].Program) : results[i];
            }
        }

        async Task RunAsync(BuiltUnit unit, int[] mine, string folder, CancellationToken cancel)
        {
            var plans = mine.Select(i => (Variant: i, Plan: Composed(unit, variants[i]))).Where(planned => planned.Plan.Rows.Length > 0).ToArray();
            if (plans.Length == 0)
            {
                return;
            }

            var plan = UnitPlan.Join(plans.Select(planned => planned.Plan));
            var run = await runner.RunAsync(unit, plan, folder, cancel).ConfigureAwait(false);
            var failures = run.Failures.GroupBy(failure => plan.Worker.ProgramOf(failure.Row)).ToDictionary(group => group.Key, group => group.ToArray());
            for (var i = 0; i < plans.Length; i++)
            {
                results[plans[i].Variant] = Judge(unit, run, failures.GetValueOrDefault(i, []), i, variants[plans[i].Variant], original, signature);
            }
        }
    }

    private static ProgramPlan Composed(BuiltUnit unit, Case variant)
    {
        var place = Enumerable.Range(0, unit.Programs.Count).First(i => unit.Programs[i] == variant.Program);
        return PlanComposer.Compose(variant.Program, place, [variant.Plan], FailureRecorder.FlagsFor(variant.Program, variant.Plan));
    }

    private static VariantResult Judge(BuiltUnit unit, UnitRun run, RowFailure[] failures, int program, Case variant, Case original, Signature signature)
    {
        var worker = run.Plan.Worker;
        var row = Enumerable.Range(0, worker.Rows.Length).FirstOrDefault(r => worker.ProgramOf(r) == program && worker.Rows[r].Flags.HasFlag(RowFlags.Record), -1);
        var own = failures.Where(failure => failure.Row == row).ToArray();
        if (own.Length > 0)
        {
            return Fate(new ObservationBuilder(unit, run).Build(row, own, recorded: true).Signature, variant, original, signature);
        }

        // An unsplit baseline that fails by the same check: it fails whatever the split is.
        if (failures.Length > 0)
        {
            var check = ObservationBuilder.Primary(failures).Check;
            return new VariantResult(check == signature.Check ? VariantFate.FailsAlike : VariantFate.FailsOtherwise, check);
        }

        var inconclusive = row < 0 || !run.WasRun(row) || run.Inconclusive.Any(outcome => outcome.Row == row);
        return new VariantResult(inconclusive ? VariantFate.Unjudged : VariantFate.Holds, "");
    }

    private static VariantResult Of(IEnumerable<Signature> found, Case original, Signature wanted)
    {
        var all = found.ToArray();
        return all.Length == 0 ? new VariantResult(VariantFate.Holds, "")
            : all.Select(signature => Fate(signature, original, original, wanted)).OrderBy(result => result.Fate is not VariantFate.FailsAlike).First();
    }

    /// <summary>Alike: the same check, shown the same way at the same kind of place; under another fault it may show another way.</summary>
    private static VariantResult Fate(Signature found, Case variant, Case original, Signature wanted)
    {
        var alike = found.Check == wanted.Check
            && ((found.Event == wanted.Event && found.Site == wanted.Site) || variant.Plan.Fault != original.Plan.Fault);
        return new VariantResult(alike ? VariantFate.FailsAlike : VariantFate.FailsOtherwise, found.Check);
    }
}
