using Harness.Execution;
using Harness.Execution.Tracing;
using Harness.Generators.Explaining;
using Harness.Model;
using Harness.Verification;
using Harness.Verification.Cores;
using Harness.Verification.Explaining;

namespace Harness.Campaigns;

/// <summary>Single cases of the verification room behind the campaign's interface.</summary>
/// <param name="candidates">Smaller programs, the boldest first.</param>
/// <param name="variants">Programs with one part changed.</param>
/// <param name="root">Of the checkout; does not appear in what is stored.</param>
public sealed class VerifiedCases(
    IUnitFactory factory, IUnitRunner runner, Func<Case, string> emit, Func<FiberProgram, IEnumerable<FiberProgram>> candidates,
    Func<FiberProgram, IEnumerable<ChangedProgram>> variants, string root, CoreReplay? cores = null) : ICaseRunner
{
    public string Emit(Case @case) => emit(@case);

    public async Task<Recording> RecordAsync(Case @case, string scratchDirectory, CancellationToken ct)
    {
        var directory = Fresh(scratchDirectory);
        return await Environments.TranslateAsync(() => new CaseReplay(factory, runner).RunAsync(@case, directory, ct)).ConfigureAwait(false) switch
        {
            ReplayResult.Held held => new Recording(true, "", "", EventText.Of(held.Expected), EventText.Of(held.Observed)) { Picture = held.Picture },
            ReplayResult.Failed failed => Failed(failed.Finding, new PathScrubber(directory, root)),
            ReplayResult.Inconclusive inconclusive => new Recording(false, "", "", "", inconclusive.Reason, Conclusive: false),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    public async Task<Confirmation> ConfirmAsync(Case @case, string signature, string scratchDirectory, CancellationToken ct)
    {
        var directory = Fresh(scratchDirectory);
        var result = await Environments.TranslateAsync(
            () => new Confirmer(factory, runner).ConfirmAsync(@case, Parse(signature, @case.Cell), directory, ct)).ConfigureAwait(false);
        return new Confirmation(result.Reproduced, result.Attempts, result.Otherwise) { Others = result.Others.Select(other => other.ToString()).ToEquatableArray() };
    }

    public async Task<Case?> FindCompanyAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct)
    {
        var shrinker = new Shrinker(candidates, new CandidateRunner(factory, runner), ShrinkOptions.Default with { TimeCap = cap });
        var forms = new FailureForms([Parse(signature, @case.Cell)]);
        return await Environments.TranslateAsync(() => shrinker.FindCompanyAsync(@case, forms, Fresh(scratchDirectory), ct)).ConfigureAwait(false);
    }

    public async Task<CoreKept?> KeepCoreAsync(Case @case, string folder, long maxBytes, string scratchDirectory, CancellationToken ct)
    {
        if (cores is null)
        {
            return null;
        }

        try
        {
            return await Environments.TranslateAsync(() => cores.RunAsync(@case, Death.None, Fresh(scratchDirectory), folder, ct, maxBytes)).ConfigureAwait(false) switch
            {
                CoreOutcome.Died died => new CoreKept(new FileInfo(died.CorePath).Length, ""),
                CoreOutcome.TooLarge => new CoreKept(0, $"it would have more than {maxBytes >> 20} MiB"),
                CoreOutcome.Survived => Without(folder, "the worker did not die when it was run once more"),
                CoreOutcome.NotRun notRun => new CoreKept(0, notRun.Reason),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (Exception e) when (e is TraceException or InvalidDataException)
        {
            return Without(folder, e.Message);
        }
    }

    /// <summary>A worker whose core is not there is of no use to anybody.</summary>
    private static CoreKept Without(string folder, string reason)
    {
        File.Delete(Path.Combine(folder, CoreReplay.CoreName));
        File.Delete(Path.Combine(folder, CoreReplay.WorkerName));
        return new CoreKept(0, reason);
    }

    public async Task<Explanation?> ExplainAsync(Case @case, string signature, TimeSpan cap, string scratchDirectory, CancellationToken ct)
    {
        var own = @case.Cell;
        var cells = own.Runtime is { } runtime ? [.. CellMatrix.Of(runtime, [own.Route], [])] : CellMatrix.All.Where(cell => cell.Target == own.Target).ToArray();
        var explainer = new Explainer(
            new VariantRunner(factory, runner), program => variants(program).Select(changed => new ProgramVariant(changed.Part, changed.Site, changed.Was, changed.Value, changed.Program)),
            cells, ExplainOptions.Default with { TimeCap = cap });
        return await Environments.TranslateAsync(
            () => explainer.ExplainAsync(@case, Parse(signature, @case.Cell), Fresh(scratchDirectory), ct)).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<Case> ShrinkAsync(
        Case @case, IReadOnlyCollection<string> signatures, string scratchDirectory,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var shrinker = new Shrinker(candidates, new CandidateRunner(factory, runner));
        var steps = shrinker.StepsAsync(@case, new FailureForms(signatures.Select(signature => Parse(signature, @case.Cell))), Fresh(scratchDirectory), ct);
        await foreach (var step in steps.ConfigureAwait(false))
        {
            yield return step.Case;
        }
    }

    private static Recording Failed(Finding finding, PathScrubber scrubber)
    {
        var (expected, observed) = ObservationText.Of(finding.Observation);
        return new Recording(false, finding.Signature.ToString(), finding.Signature.Check, expected, scrubber.Scrub(observed)) { Picture = finding.Observation.Picture };
    }

    /// <summary>A signature's text back into its parts; each of them is one word without dots.</summary>
    private static Signature Parse(string text, Cell cell) => text.Split('.') is [var check, var how, var site, ..]
        ? new Signature(check, cell, how, site)
        : throw new InvalidDataException($"'{text}' is not a signature");

    /// <summary>Several runs may share a scratch folder; each gets one of its own in it.</summary>
    private static string Fresh(string scratchDirectory)
    {
        for (var number = 0; ; number++)
        {
            var directory = Path.Combine(scratchDirectory, $"case-{number}");
            if (!Directory.Exists(directory))
            {
                return Directory.CreateDirectory(directory).FullName;
            }
        }
    }
}
