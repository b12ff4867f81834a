using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// Writes one function's body, statement by statement; every choice is among what may stand at that place, so the body
/// is well-formed without any filtering. Functions are written from the highest number down: what a callee
/// raises, locks and costs is known.
/// </summary>
internal sealed partial class BodyWriter
{
    private const int MaxDepth = 4;

    private static readonly Feature[] StatementKinds =
    [
        Feature.Log,
        Feature.Let,
        Feature.Cell,
        Feature.Store,
        Feature.StackBuffer,
        Feature.ExtraCall,
        Feature.TailCall,
        Feature.Block,
        Feature.Loop,
        Feature.Break,
        Feature.Continue,
        Feature.If,
        Feature.Raise,
        Feature.EarlyReturn,
        Feature.Probe,
        Feature.Defer,
        Feature.ErrDefer,
        Feature.ErrDeferCapture,
        Feature.HeapBlock,
        Feature.TableHandle,
        Feature.FileDescriptor,
        Feature.MutexLock,
        Feature.Yield,
        Feature.Spawn,
        Feature.Join,
        Feature.Cancel,
    ];

    private readonly Choices _choices;
    private readonly Profile _profile;
    private readonly TypeGen _types;
    private readonly ProgramPlan _program;
    private readonly FunctionPlan _plan;
    private readonly List<Func<Region, bool, bool>> _duties = [];
    private int _budget;
    private int _locals;
    private int _sites;

    public BodyWriter(Choices choices, Profile profile, TypeGen types, ProgramPlan program, FunctionPlan plan)
    {
        _choices = choices;
        _profile = profile;
        _types = types;
        _program = program;
        _plan = plan;
        _budget = plan.Budget;
        _locals = plan.Parameters.Count;
    }

    /// <summary>Entries that one call of this function may make, as far as calls are optional.</summary>
    private int Cap => _program.CapOf(_plan);

    private bool IsSingleFiber => _program.Fibers.Count == 1;

    public EquatableArray<Statement> Write()
    {
        var region = new Region(null);
        for (var i = 0; i < _plan.Parameters.Count; i++)
        {
            var type = _plan.Parameters[i];
            region.Declare(new Local(i, type is ZigType.CellPointer ? LocalKind.CellPointer : LocalKind.Value, type));
        }

        if (_plan.IsDeep)
        {
            WriteDeep(region);
        }
        else
        {
            AssignDuties();
            Fill(region, _budget);
            while (_duties.Count > 0 && region.Completes)
            {
                TryDuty(region, force: true);
            }

            Finish(region);
        }

        return region.Statements.ToEquatableArray();
    }

    /// <summary>What the outline asks of this body, in a random order.</summary>
    private void AssignDuties()
    {
        foreach (var child in _plan.Children)
        {
            _duties.Add((region, force) => TryCall(region, _program.Functions[child], force));
        }

        if (_plan.BackEdge >= 0)
        {
            _duties.Add((region, force) => TryRecurse(region, force));
        }

        if (_plan.Id == _program.Fibers[0].Entry && _profile.Has(Feature.Spawn))
        {
            foreach (
                var fiber in Enumerable.Range(0, _program.Fibers.Count).Where(i => !_program.Fibers[i].StartsAtLaunch)
            )
            {
                _duties.Add((region, _) => TrySpawn(region, fiber));
            }
        }

        if (_program.Ring is { } ring && _plan.Id < ring.Members)
        {
            _duties.Add((region, force) => TryWait(region, ring, force));
        }

        for (var i = _duties.Count - 1; i > 0; i--)
        {
            var other = _choices.Between(0, i);
            (_duties[i], _duties[other]) = (_duties[other], _duties[i]);
        }
    }

    private bool TryDuty(Region region, bool force)
    {
        if (_duties.Count == 0)
        {
            return false;
        }

        var duty = _duties[0];
        _duties.RemoveAt(0);
        if (duty(region, force))
        {
            return true;
        }

        if (!force)
        {
            _duties.Add(duty);
        }

        return false;
    }

    /// <summary>Up to so many statements; fewer when the budget is gone or control cannot go on.</summary>
    private void Fill(Region region, int count)
    {
        for (; count > 0 && _budget > 0 && region.Completes; count--)
        {
            _budget--;
            var dutiful = _duties.Count > 0 && _choices.Between(0, Math.Max(_budget, 1)) < _duties.Count * 2;
            if (
                !(
                    dutiful
                    && !region.IsRare
                    && (region.Depth == 0 || _choices.Chance(40))
                    && TryDuty(region, force: false)
                )
            )
            {
                Step(region);
            }
        }
    }

    private void Step(Region region)
    {
        Span<int> weights = stackalloc int[StatementKinds.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = MayStand(StatementKinds[i], region) ? Weight(StatementKinds[i]) : 0;
        }

        var kind = StatementKinds[_choices.Weighted(weights)];
        switch (kind)
        {
            case Feature.Log:
                WriteLog(region);
                break;
            case Feature.Let:
                WriteLet(region);
                break;
            case Feature.Cell:
                WriteCell(region);
                break;
            case Feature.Store:
                WriteStore(region);
                break;
            case Feature.StackBuffer:
                WriteBuffer(region);
                break;
            case Feature.ExtraCall:
                WriteExtraCall(region);
                break;
            case Feature.Block:
                WriteBlock(region);
                break;
            case Feature.Loop:
                WriteLoop(region);
                break;
            case Feature.Break:
                region.Add(new Statement.BreakIf(Condition(region)));
                break;
            case Feature.Continue:
                region.Add(new Statement.ContinueIf(Condition(region)));
                break;
            case Feature.If:
                WriteIf(region);
                break;
            case Feature.TailCall or Feature.Raise or Feature.EarlyReturn:
                WriteExit(region, kind);
                break;
            case Feature.Probe:
                region.Add(new Statement.Probe(Site()));
                break;
            case Feature.Defer or Feature.ErrDefer or Feature.ErrDeferCapture:
                WriteCleanup(region, kind);
                if (kind is not Feature.Defer && _choices.Chance(75))
                {
                    WriteFallible(region);
                }

                break;
            case Feature.HeapBlock or Feature.TableHandle or Feature.FileDescriptor:
                WriteAcquire(region, Resource(kind));
                break;
            case Feature.MutexLock:
                WriteLock(region);
                break;
            default:
                WriteFiberStatement(region, kind);
                break;
        }
    }

    private static ResourceKind Resource(Feature kind) => kind switch
    {
        Feature.HeapBlock => ResourceKind.HeapBlock,
        Feature.TableHandle => ResourceKind.TableHandle,
        _ => ResourceKind.FileDescriptor,
    };

    /// <summary>A fiber alone has little use for the others' statements.</summary>
    private int Weight(Feature kind) =>
        kind is Feature.Yield or Feature.Spawn or Feature.Join or Feature.Cancel && IsSingleFiber
            ? _profile[kind] / 4
            : _profile[kind];

    private bool MayStand(Feature kind, Region region) =>
        kind switch
        {
            Feature.ExtraCall => ExtraCallees(region).Any(),
            Feature.TailCall => TailCallees(region).Any(),
            Feature.Block or Feature.Loop or Feature.If => region.Depth < MaxDepth && _budget > 0,
            Feature.Break or Feature.Continue => region.InLoop,
            Feature.Raise => MayRaise(region),
            Feature.EarlyReturn => MayReturn(region),
            Feature.Defer => region.Depth < MaxDepth,
            Feature.ErrDefer or Feature.ErrDeferCapture => region.Depth < MaxDepth
                && !region.InCleanup
                && _plan.IsFallible,
            Feature.MutexLock => MayFail(region) && FreeMutexes(region).Any(),
            Feature.Join => MayFail(region),
            _ => true,
        };

    /// <summary>Whether a try may stand here.</summary>
    private bool MayFail(Region region) => region.CanLeave && _plan.IsFallible;

    private int Site() => ++_sites;

    private int NewLocal() => _locals++;
}
