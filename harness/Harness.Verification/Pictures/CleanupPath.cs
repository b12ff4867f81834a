using Harness.Model;

namespace Harness.Verification.Pictures;

/// <summary>Reads from a fiber's log what cleaned up after a fault: which defers and errdefers ran, in which functions, in order.</summary>
internal sealed class CleanupPath(FiberProgram program, UnitNames names)
{
    private const int MaxSteps = 60;

    private readonly Dictionary<int, SitePlace> _sites = SitePlace.Of(program);

    /// <summary>Null when nothing in the logs sets a clean-up off.</summary>
    public PicturedCleanup? Of(int fiber, IReadOnlyList<Event> expected, IReadOnlyList<Event> observed)
    {
        var isObserved = observed.Count > 0;
        var due = Read(expected);
        var seen = isObserved ? Read(observed) : due;
        if (seen is null && due is null)
        {
            return null;
        }

        var steps = Compare(due?.Steps ?? [], seen?.Steps ?? []);
        // The end of a long path says more than its middle; where it goes wrong says most.
        var wrong = steps.FindIndex(s => s.Instead is not null);
        var from = steps.Count <= MaxSteps ? 0 : Math.Clamp((wrong < 0 ? steps.Count : wrong) - (MaxSteps / 2), 0, steps.Count - MaxSteps);
        return new PicturedCleanup(
            fiber, seen?.Start ?? due!.Start, isObserved, steps.Skip(from).Take(MaxSteps).ToEquatableArray(), Math.Max(0, steps.Count - MaxSteps));
    }

    private static List<CleanupStep> Compare(List<CleanupStep> due, List<CleanupStep> seen)
    {
        var first = Enumerable.Range(0, Math.Max(due.Count, seen.Count)).FirstOrDefault(i => i >= due.Count || i >= seen.Count || due[i] != seen[i], -1);
        if (first < 0)
        {
            return seen;
        }

        var instead = first < due.Count ? string.Join(" ", new[] { due[first].How, due[first].What, due[first].Where }.Where(t => t.Length > 0)) : "nothing more";
        var marked = (first < seen.Count ? seen[first] : new CleanupStep("nothing", "", "the log ends here", null)) with { Instead = instead };
        return [.. seen.Take(first), marked, .. seen.Skip(first + 1)];
    }

    private sealed record Path(string Start, List<CleanupStep> Steps);

    private Path? Read(IReadOnlyList<Event> log)
    {
        var start = StartOf(log);
        if (start < 0)
        {
            return null;
        }

        var steps = new List<CleanupStep>();
        for (var i = log[start].Kind is EventKind.LedgerReleased ? start : start + 1; i < log.Count; i++)
        {
            if (StepOf(log, i) is { } step)
            {
                steps.Add(step);
            }

            if (log[i].Kind is EventKind.Caught or EventKind.Result or EventKind.FiberEnd)
            {
                break;
            }
        }

        return new Path(StartText(log, start), steps);
    }

    /// <summary>What is injected first; without it, what the program raised last.</summary>
    private static int StartOf(IReadOnlyList<Event> log)
    {
        var raised = -1;
        for (var i = 0; i < log.Count; i++)
        {
            if (log[i].Kind is EventKind.Delivered or EventKind.LedgerReleased)
            {
                return i;
            }

            raised = log[i].Kind is EventKind.Raised ? i : raised;
        }

        return raised;
    }

    private string StartText(IReadOnlyList<Event> log, int start) => log[start] switch
    {
        // Its function's Enter is the event before.
        { Kind: EventKind.Delivered } e => $"error.{Error(e.A)} returned by the checkpoint of {(start > 0 ? names.OfFunction(log[start - 1].A) : "a function")}",
        { Kind: EventKind.Raised } e => $"error.{Error(e.B)} raised in {Where(e.A)}",
        _ => "the fiber was abandoned: its ledger releases what it holds",
    };

    private CleanupStep? StepOf(IReadOnlyList<Event> log, int index)
    {
        var e = log[index];
        var place = _sites.GetValueOrDefault(e.A <= int.MaxValue ? (int)e.A : -1);
        var deferred = place?.Deferred ?? "";
        return e.Kind switch
        {
            EventKind.Released => new CleanupStep(place?.Release(deferred) ?? "release", Where(e.A), $"releases {Resource(log, e.B)}", null),
            EventKind.LedgerReleased => new CleanupStep("ledger", Where(AcquisitionOf(log, e.B)?.A ?? uint.MaxValue), $"releases {Resource(log, e.B)}", null),
            EventKind.ErrDeferred => new CleanupStep("errdefer", Where(e.A), $"sees error.{Error(e.B)}", null),
            EventKind.Caught => new CleanupStep("catch", Where(e.A), $"handles error.{Error(e.B)}", null),
            EventKind.Raised => new CleanupStep("raise", Where(e.A), $"error.{Error(e.B)}", null),
            EventKind.Result => new CleanupStep("end", "", e.A == 0 ? "the fiber's function returns a value" : $"the fiber's function returns error.{Error(e.A)}", null),
            EventKind.FiberEnd => new CleanupStep("end", "", $"the fiber has {((FiberOutcome)(byte)e.A).ToString().ToLowerInvariant()}", null),
            EventKind.Log or EventKind.Probe or EventKind.Yielded or EventKind.Spawned or EventKind.CancelRequested or EventKind.Acquired when deferred.Length > 0 =>
                new CleanupStep(deferred, Where(e.A), e.Kind.ToString().ToLowerInvariant(), null),
            _ => null,
        };
    }

    private string Where(uint site) =>
        site <= int.MaxValue && _sites.TryGetValue((int)site, out var place) ? names.AtSite(place.Function, (int)site) : "";

    private static Event? AcquisitionOf(IReadOnlyList<Event> log, ulong serial)
    {
        foreach (var e in log)
        {
            if (e.Kind is EventKind.Acquired && e.B >> 8 == serial)
            {
                return e;
            }
        }

        return null;
    }

    private static string Resource(IReadOnlyList<Event> log, ulong serial) => AcquisitionOf(log, serial) is { } taken
        ? $"{Words((ResourceKind)(byte)taken.B)} {serial}"
        : $"number {serial}";

    private static string Words(ResourceKind kind) => kind switch
    {
        ResourceKind.HeapBlock => "heap block",
        ResourceKind.TableHandle => "table handle",
        ResourceKind.FileDescriptor => "descriptor",
        _ => "mutex",
    };

    private static string Error(ulong code) => code <= int.MaxValue && Enum.IsDefined((ErrorName)(int)code) ? ((ErrorName)(int)code).ToString() : $"(code {code})";
}

/// <summary>Where a site stands: in which function, and in which kind of deferred body if any.</summary>
internal sealed record SitePlace(int Function, Statement Statement, string Deferred)
{
    public static Dictionary<int, SitePlace> Of(FiberProgram program)
    {
        var places = new Dictionary<int, SitePlace>();
        foreach (var function in program.Functions)
        {
            Collect(function.Id, function.Body, "", places);
        }

        return places;
    }

    /// <summary>What makes a release happen that names this site.</summary>
    public string Release(string deferred) => Statement switch
    {
        Statement.Lock => "defer",
        Statement.Acquire { Disposition: Disposition.Defer } => "defer",
        Statement.Acquire { Disposition: Disposition.ErrDefer } => "errdefer",
        _ when deferred.Length > 0 => deferred,
        _ => "release",
    };

    private static void Collect(int function, EquatableArray<Statement> body, string deferred, Dictionary<int, SitePlace> places)
    {
        foreach (var statement in body)
        {
            foreach (var site in StatementTree.Sites(statement))
            {
                places[site] = new SitePlace(function, statement, deferred);
            }

            var inner = statement switch
            {
                Statement.Defer => "defer",
                Statement.ErrDefer or Statement.ErrDeferCapture => "errdefer",
                _ => deferred,
            };
            foreach (var nested in StatementTree.Bodies(statement))
            {
                Collect(function, nested, inner, places);
            }
        }
    }
}
