using Harness.Emit;
using Harness.Model;

namespace Harness.Verification.Explaining;

/// <summary>How much is tried.</summary>
public sealed record ExplainOptions
{
    public static readonly ExplainOptions Default = new();

    /// <summary>After this, what was found until then stands.</summary>
    public TimeSpan TimeCap { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Other programs tried, all in one compilation.</summary>
    public int Programs { get; init; } = 40;

    /// <summary>Random choices of all free parts at once.</summary>
    public int Together { get; init; } = 12;
}

/// <summary>
/// Varies each part of a case by itself, to tell what its failure depends on: the plan and the program in the case's own cell, many variants in one
/// compilation; all that turned out to be free at once; then the other cells. For cases that were shrunk: what is left should be what is needed,
/// and this says what of it is not.
/// </summary>
/// <param name="programs">Programs with one part changed.</param>
/// <param name="cells">That the case could be compiled for; its own is left out.</param>
public sealed class Explainer(
    IVariantRunner runner, Func<FiberProgram, IEnumerable<ProgramVariant>> programs, IReadOnlyList<Cell> cells, ExplainOptions? options = null, TimeProvider? time = null)
{
    private readonly ExplainOptions _options = options ?? ExplainOptions.Default;
    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <exception cref="OperationCanceledException">Cancelled from outside; the time cap ends quietly.</exception>
    public async Task<Explanation> ExplainAsync(Case @case, Signature signature, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(@case);
        var draft = new Draft(@case, signature, directory, _time.GetTimestamp());
        using var cap = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var timer = _time.CreateTimer(_ => cap.Cancel(), null, _options.TimeCap, Timeout.InfiniteTimeSpan);
        try
        {
            await InItsCellAsync(draft, cap.Token).ConfigureAwait(false);
            await InOthersAsync(draft, cap.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            draft.CapHit = true;
        }

        return draft.Finish(Math.Round(_time.GetElapsedTime(draft.Started).TotalSeconds, 3));
    }

    private async Task InItsCellAsync(Draft draft, CancellationToken ct)
    {
        var @case = draft.Case;
        var entries = Interpreter.Run(@case.Program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts).Entries;
        // Nothing runs for what is wrong in the code itself; stepping is a plan of its own kind.
        var depends = draft.Signature.Check is not (UnwindFindings.Check or "compile" or "compiler-crash" or "compiler-hang") && !@case.Plan.Disturbance.HasFlag(Disturbance.Stepped);
        IReadOnlyList<Variant> variants = [.. depends ? PlanVariants.Of(@case, entries) : [], .. Programs(@case).Take(_options.Programs)];
        await TryAsync(draft, variants, "own", ct).ConfigureAwait(false);
        var free = draft.FreePlans();
        if (depends && free.Count > 1)
        {
            var random = new PlanRandom((ulong)entries + 1);
            var all = Enumerable.Range(0, _options.Together).Select(_ => Mixed(@case, free, random)).Distinct().ToArray();
            var results = await runner.RunAsync(all, @case, draft.Signature, Path.Combine(draft.Directory, "together"), ct).ConfigureAwait(false);
            draft.Together = results.Count(result => result.Fate is not VariantFate.Unjudged);
            draft.TogetherFailed = results.Count(result => result.Fate is VariantFate.FailsAlike);
        }
    }

    /// <summary>The same case elsewhere: those of its own route first, as they are the likeliest to tell something.</summary>
    private async Task InOthersAsync(Draft draft, CancellationToken ct)
    {
        var own = draft.Case.Cell;
        var others = cells.Where(cell => cell != own.Column).OrderByDescending(cell => cell.Route == own.Route).ThenByDescending(cell => cell.Mode == own.Mode);
        foreach (var cell in others)
        {
            await TryAsync(draft, [new Variant("the cell", $"{own}", $"{cell}", draft.Case with { Cell = cell })], $"{cell}".Replace('/', '-'), ct).ConfigureAwait(false);
        }
    }

    private async Task TryAsync(Draft draft, IReadOnlyList<Variant> variants, string folder, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var results = await runner.RunAsync([.. variants.Select(variant => variant.Case)], draft.Case, draft.Signature, Path.Combine(draft.Directory, folder), ct).ConfigureAwait(false);
        draft.Add(variants.Zip(results));
    }

    private IEnumerable<Variant> Programs(Case @case)
    {
        var map = ZigEmitter.Emit(@case.Unit).Map;
        return programs(@case.Program).Select(variant => new Variant(
            variant.Site < 0 ? variant.Part : $"{variant.Part} at line {map.LineOfSite(0, variant.Site)}", variant.Was, variant.Value, @case with { Program = variant.Program }));
    }

    private static Case Mixed(Case @case, IReadOnlyList<IReadOnlyList<Case>> free, PlanRandom random)
    {
        var plan = @case.Plan;
        foreach (var choices in free)
        {
            var choice = choices[random.Below(choices.Count)].Plan;
            plan = new ExecutionPlan(
                Pick(choice.Fault, @case.Plan.Fault, plan.Fault), Pick(choice.Schedule, @case.Plan.Schedule, plan.Schedule), Pick(choice.Split, @case.Plan.Split, plan.Split),
                Pick(choice.Placement, @case.Plan.Placement, plan.Placement), Pick(choice.Policy, @case.Plan.Policy, plan.Policy),
                Pick(choice.Disturbance, @case.Plan.Disturbance, plan.Disturbance));
        }

        return @case with { Plan = plan };

        // The part that the choice changes.
        static T Pick<T>(T choice, T original, T sofar) => EqualityComparer<T>.Default.Equals(choice, original) ? sofar : choice;
    }

    /// <summary>The explanation as it comes together.</summary>
    private sealed class Draft(Case @case, Signature signature, string directory, long started)
    {
        private readonly List<(Variant Variant, VariantResult Result)> _tried = [];

        public Case Case => @case;

        public Signature Signature => signature;

        public string Directory => directory;

        public long Started => started;

        public bool CapHit { get; set; }

        public int Together { get; set; }

        public int TogetherFailed { get; set; }

        public void Add(IEnumerable<(Variant, VariantResult)> tried) => _tried.AddRange(tried);

        /// <summary>By part of the plan that is free: the cases with its other values.</summary>
        public IReadOnlyList<IReadOnlyList<Case>> FreePlans() =>
        [
            .. _tried.Where(tried => tried.Variant.Case.Plan != @case.Plan && tried.Result.Fate is not VariantFate.Unjudged).GroupBy(tried => tried.Variant.Part)
                .Where(part => part.All(tried => tried.Result.Fate is VariantFate.FailsAlike))
                .Select(part => (IReadOnlyList<Case>)[.. part.Select(tried => tried.Variant.Case)]),
        ];

        public Explanation Finish(double seconds)
        {
            var parts = _tried.GroupBy(tried => (tried.Variant.Part, tried.Variant.Was)).Select(part => new ExplainedPart(
                part.Key.Part, part.Key.Was,
                Values(part.Where(tried => tried.Result.Fate is VariantFate.FailsAlike), _ => ""),
                Values(part.Where(tried => tried.Result.Fate is VariantFate.Holds or VariantFate.FailsOtherwise), result => result.Fate is VariantFate.FailsOtherwise ? $" (fails by {result.Check})" : ""),
                part.Count(tried => tried.Result.Fate is VariantFate.Unjudged)));
            return new Explanation(parts.Where(part => part.Fails.Count + part.Passes.Count > 0).ToEquatableArray(), TogetherFailed, Together, CapHit, seconds);
        }

        private static EquatableArray<string> Values(IEnumerable<(Variant Variant, VariantResult Result)> tried, Func<VariantResult, string> remark) =>
            tried.Select(one => one.Variant.Value + remark(one.Result)).Distinct().ToEquatableArray();
    }
}
