using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Reports.Gates;
using Harness.Toolchain.Compat;
using Harness.Verification.Abi;

namespace Harness.Cli.Gates;

/// <summary>A gate as it was asked for.</summary>
/// <param name="Zig">From <c>--zig</c>; null: the one that is found.</param>
/// <param name="Only">Phases by name; empty: all. Only a whole gate is stored.</param>
/// <param name="Resume">Phases that an earlier, cut off gate of the same harness and budget finished are not run again.</param>
internal sealed record GateRequest(string? Zig, string? Baseline, TimeSpan Budget, ulong Seed, ResultsLayout Results, IReadOnlyList<string> Only, bool Resume);

/// <summary>One gate, from the compiler's version to the verdict. What a phase finds is in a file before the next one begins.</summary>
internal sealed class GateSession(Terminal terminal, IGateTools tools, GateRequest request)
{
    private readonly GateStore _store = new(request.Results.Gates);
    private readonly List<GatePhaseResult> _done = [];
    private AbiFingerprint? _conventions;
    private AbiFingerprint? _fingerprint;
    private string _abi = "";

    /// <returns>The exit code.</returns>
    /// <exception cref="InvalidDataException">The baseline that was named is none.</exception>
    /// <exception cref="ResultsUnwritableException"/>
    public async Task<int> RunAsync(string scratch, CancellationToken stop)
    {
        if (tools.Version is not { } version)
        {
            return Refuse("broken", tools.Problem);
        }

        // Before anything takes time.
        var baseline = _store.Baseline(request.Baseline, version);
        _conventions = baseline is { } named ? GateStore.ConventionsOf(named.Path) : null;
        var started = TimeProvider.System.GetUtcNow();
        foreach (var (phase, index) in GatePhase.All.Select((phase, index) => (phase, index)))
        {
            if (stop.IsCancellationRequested || (request.Only.Count > 0 && !request.Only.Contains(phase.Name)))
            {
                continue;
            }

            var path = _store.PartOf(version, index, phase.Name);
            var part = (request.Resume ? GateStore.Finished(path) : null) ?? await PhaseAsync(phase, index, Directory.CreateDirectory(Path.Combine(scratch, phase.Name)).FullName, baseline?.Path, stop).ConfigureAwait(false);
            if (part is null)
            {
                return ExitCodes.Environment;
            }

            _done.Add(part);
            GateStore.Write(path, GateResult.PartToJson(part));
        }

        var gate = new GateResult(GateResult.CurrentSchema, version, Application.Version, started, request.Budget.TotalSeconds, _done);
        return Conclude(gate, baseline?.Gate, stop.IsCancellationRequested);
    }

    private int Conclude(GateResult gate, GateResult? baseline, bool stopped)
    {
        var verdict = GateVerdict.Of(gate, baseline);
        var text = GateText.Render(gate, baseline, verdict);
        terminal.Out.Write(text);
        if (gate.Phases.Count < GatePhase.All.Length)
        {
            terminal.Error.WriteLine(stopped ? "stopped: not stored; --resume goes on behind the phases that were finished" : "only some phases: not stored");
            return verdict.ExitCode;
        }

        GateStore.Write(_store.PathOf(gate.Zig, ".json"), gate.ToJson());
        GateStore.Write(_store.PathOf(gate.Zig, ".md"), text);
        if (_abi.Length > 0)
        {
            GateStore.Write(_store.PathOf(gate.Zig, GateStore.ConventionsExtension), _abi);
        }

        terminal.Error.WriteLine($"stored: {Repository.Shown(_store.PathOf(gate.Zig, ".md"))}");
        return verdict.ExitCode;
    }

    /// <summary>The verdict about a compiler that cannot be judged.</summary>
    private int Refuse(string verdict, string why)
    {
        // What a broken compiler says may be anything.
        var line = string.Concat(why.ReplaceLineEndings(" ").Select(c => char.IsControl(c) || c == '\ufffd' ? '?' : c));
        terminal.Out.Write($"{verdict.ToUpperInvariant()}: {line}\n");
        return ExitCodes.Environment;
    }

    /// <returns>Null: the compiler is refused, which has been said.</returns>
    private async Task<GatePhaseResult?> PhaseAsync(GatePhase phase, int index, string directory, string? baseline, CancellationToken stop)
    {
        var budget = request.Budget * phase.Share;
        terminal.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"gate {index + 1}/{GatePhase.All.Length} {phase.Name} ({budget.TotalSeconds:0} s): {phase.Title}"));
        var clock = Stopwatch.StartNew();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // A phase with a budget of its own ends by itself; this is for what has none, or hangs.
        deadline.CancelAfter((budget * 1.5) + TimeSpan.FromMinutes(1));
        var verbs = new GateVerbs(terminal, tools.Rooms, request);
        try
        {
            return phase switch
            {
                GatePhase.Ladder => await LadderAsync(phase.Name, directory, clock, stop).ConfigureAwait(false),
                GatePhase.Conventions => await ConventionsAsync(phase.Name, directory, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.Observations => await ObservationsAsync(phase.Name, directory, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.SmallPrograms => await verbs.ExhaustAsync(phase.Name, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.Campaign => await verbs.CampaignAsync(phase.Name, budget, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.Stepping => await verbs.StepAsync(phase.Name, budget, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.LibraryTests => await verbs.LibraryAsync(phase.Name, budget, directory, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.Mutation => await verbs.MutantsAsync(phase.Name, budget, clock, deadline.Token).ConfigureAwait(false),
                GatePhase.RuntimeFigures => await verbs.RuntimeAsync(phase.Name, budget, clock, deadline.Token).ConfigureAwait(false),
                _ => throw new UnreachableException(),
            };
        }
        catch (OperationCanceledException)
        {
            return new GatePhaseResult(phase.Name, GateStatus.Unfinished, clock.Elapsed.TotalSeconds, stop.IsCancellationRequested ? "stopped" : "its time was up", [], [], []);
        }
        catch (Exception e) when (e is EnvironmentUnusableException or Toolchain.ToolchainException)
        {
            return new GatePhaseResult(phase.Name, GateStatus.Failed, clock.Elapsed.TotalSeconds, e.Message.Split('\n')[0], [], [], []);
        }
    }

    private async Task<GatePhaseResult?> LadderAsync(string phase, string directory, Stopwatch clock, CancellationToken ct)
    {
        switch (await tools.ClimbAsync(directory, rung => terminal.Error.WriteLine($"  {rung}"), ct).ConfigureAwait(false))
        {
            case LadderOutcome.Climbed climbed:
                return new GatePhaseResult(
                    phase, GateStatus.Finished, clock.Elapsed.TotalSeconds, "", [], [new GateFigure("rungs", climbed.Rungs.ToString(CultureInfo.InvariantCulture))], []);
            case LadderOutcome.Unsupported unsupported:
                Refuse("unsupported", $"Zig {tools.Version} does not compile {unsupported.Construct}: {unsupported.Error}; harness/docs/GATE.md says how to port");
                return null;
            case LadderOutcome.Broken broken:
                Refuse("broken", $"Zig {tools.Version}, compiling {broken.Construct}: {broken.Error}");
                return null;
            default:
                throw new UnreachableException();
        }
    }

    private async Task<GatePhaseResult> ConventionsAsync(string phase, string directory, Stopwatch clock, CancellationToken ct)
    {
        _fingerprint = await tools.MeasureAsync(directory, cell => terminal.Error.WriteLine($"  {cell.Cell}: {cell.Facts.Length} facts"), ct).ConfigureAwait(false);
        _abi = AbiJson.Write(_fingerprint);
        var differences = _conventions is null ? [] : AbiComparison.Differences(_conventions, _fingerprint);
        var unmeasured = _fingerprint.Cells.Where(cell => cell.Problem is not null).Select(cell => $"{cell.Cell} could not be measured: {cell.Problem!.Split('\n')[0]}");
        return new GatePhaseResult(
            phase, GateStatus.Finished, clock.Elapsed.TotalSeconds, "", [.. differences.Select(sentence => new GateItem(sentence, GateItemKind.Change, "another convention than the baseline's", "scripts/harness abi"))],
            [new GateFigure("facts", _fingerprint.Cells.Sum(cell => cell.Facts.Length).ToString("N0", CultureInfo.InvariantCulture))], [.. unmeasured]);
    }

    private async Task<GatePhaseResult> ObservationsAsync(string phase, string directory, Stopwatch clock, CancellationToken ct)
    {
        var observed = await tools.ObserveAsync(_fingerprint, directory, ct).ConfigureAwait(false);
        var version = tools.Version!;
        var changed = observed.Where(one => one.IsExpected(version) is not true).Select(one => new GateItem(
            $"{one.Name}: {one.Measured}", GateItemKind.Change, ZigRelease.Expected(version, one.Name) is { } expected ? $"expected: {expected}" : "nothing is expected of this release yet"));
        return new GatePhaseResult(phase, GateStatus.Finished, clock.Elapsed.TotalSeconds, "", [.. changed], [.. observed.Select(one => new GateFigure(one.What, one.Measured))], []);
    }
}
