using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Blocks, loops, branches, and what fibers do to each other.</summary>
internal sealed partial class BodyWriter
{
    private void WriteBlock(Region region)
    {
        var inner = new Region(region);
        Fill(inner, _choices.Between(1, 4));
        region.Add(new Statement.Block(inner.Statements.ToEquatableArray()));
    }

    private void WriteLoop(Region region)
    {
        var count = _choices.Chance(80) || region.Times > 1 ? _choices.Between(1, 4) : _choices.Between(5, 16);
        WriteLoop(region, count, inner => Fill(inner, _choices.Between(1, 3)));
    }

    private void WriteLoop(Region region, int count, Action<Region> writeBody)
    {
        var index = new Local(NewLocal(), LocalKind.LoopIndex, new ZigType.Void());
        var inner = new Region(region) { InLoop = true, Times = region.Times * count };
        inner.Declare(index);
        if (_choices.Chance(25))
        {
            WriteLoopCleanup(inner);
        }

        writeBody(inner);
        if (inner.Completes && _choices.Chance(25))
        {
            WriteLoopExit(inner);
        }

        Fill(inner, _choices.Between(0, 1));
        if (!inner.Completes)
        {
            // A loop whose body always leaves is no loop: its statements stay, as a branch.
            var once = new Statement.Loop(
                index.Id,
                count,
                [new Statement.If(Condition(inner, 2), inner.Statements.ToEquatableArray(), [])]
            );
            region.Add(once);
            return;
        }

        region.Add(new Statement.Loop(index.Id, count, inner.Statements.ToEquatableArray()));
    }

    /// <summary>Something that a way out of the loop has to run.</summary>
    private void WriteLoopCleanup(Region region)
    {
        var kind = PickOf(
            (Feature.Log, 1),
            (Feature.Defer, 1),
            (Feature.ErrDefer, _plan.IsFallible && !region.InCleanup ? 1 : 0),
            (Feature.HeapBlock, 1)
        );
        switch (kind)
        {
            case Feature.HeapBlock:
                WriteAcquire(region, AcquiredKind());
                break;
            case Feature.Log:
                WriteLog(region);
                break;
            default:
                WriteCleanup(region, kind);
                break;
        }
    }

    private void WriteLoopExit(Region region)
    {
        var kind = PickOf(
            (Feature.Log, 1),
            (Feature.Break, 2),
            (Feature.Continue, 2),
            (Feature.EarlyReturn, MayReturn(region) ? 2 : 0),
            (Feature.Raise, MayRaise(region) ? 2 : 0)
        );
        switch (kind)
        {
            case Feature.Log:
                break;
            case Feature.Break:
                region.Add(new Statement.BreakIf(Condition(region)));
                break;
            case Feature.Continue:
                region.Add(new Statement.ContinueIf(Condition(region)));
                break;
            default:
                WriteExit(region, kind);
                break;
        }
    }

    private void WriteIf(Region region)
    {
        var when = Condition(region);
        var then = new Region(region);
        Fill(then, _choices.Between(1, 3));
        var otherwise = new Region(region);
        if (_choices.Chance(50))
        {
            Fill(otherwise, _choices.Between(1, 2));
        }

        region.Add(
            new Statement.If(
                when,
                then.Statements.ToEquatableArray(),
                then.Completes ? otherwise.Statements.ToEquatableArray() : Completed(otherwise)
            )
        );
    }

    private void WriteFiberStatement(Region region, Feature kind)
    {
        var fiber = _choices.Between(0, _program.Fibers.Count - 1);
        region.Add(
            kind switch
            {
                Feature.Spawn => new Statement.Spawn(Site(), fiber),
                Feature.Join => new Statement.Join(Site(), fiber),
                Feature.Cancel => new Statement.Cancel(Site(), fiber),
                _ => new Statement.Yield(Site()),
            }
        );
    }

    /// <summary>This fiber's part in a ring of fibers that wait for each other. The others have a turn between its two locks.</summary>
    private bool TryWait(Region region, WaitingRing ring, bool force)
    {
        if (!MayFail(region) || region.InCleanup || region.IsRare || region.InLoop || (!force && region.Depth > 1))
        {
            return false;
        }

        if (!ring.ByMutex)
        {
            region.Add(new Statement.Join(Site(), ring.Next(_plan.Id)));
            return true;
        }

        var inner = _profile.Has(Feature.Block) ? new Region(region) : region;
        WriteRingLock(inner, ring.FirstMutex + _plan.Id);
        if (_profile.Has(Feature.Yield))
        {
            inner.Add(new Statement.Yield(Site()));
        }

        WriteRingLock(inner, ring.FirstMutex + ring.Next(_plan.Id));
        if (inner != region)
        {
            region.Add(new Statement.Block(inner.Statements.ToEquatableArray()));
        }

        return true;
    }

    private void WriteRingLock(Region region, int mutex)
    {
        var local = new Local(NewLocal(), LocalKind.Value, new ZigType.Handle());
        region.Add(new Statement.Lock(Site(), local.Id, mutex));
        region.Declare(local);
        _plan.Locks |= 1 << mutex;
    }

    private bool TrySpawn(Region region, int fiber)
    {
        if (region.InCleanup || region.Depth > 1)
        {
            return false;
        }

        region.Add(new Statement.Spawn(Site(), fiber));
        return true;
    }
}
