using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Defers, errdefers, resources and locks.</summary>
internal sealed partial class BodyWriter
{
    private void WriteCleanup(Region region, Feature kind)
    {
        var inner = CleanupRegion(region);
        inner.IsRare |= kind is not Feature.Defer;
        var count = _choices.Between(1, 2);
        if (_choices.Chance(_profile[Feature.CleanupCall]) && ExtraCallees(inner).Any())
        {
            WriteExtraCall(inner);
            count--;
        }

        Fill(inner, count);
        if (inner.Statements.Count == 0)
        {
            WriteLog(inner);
        }

        var body = inner.Statements.ToEquatableArray();
        region.Add(
            kind switch
            {
                Feature.Defer => new Statement.Defer(body),
                Feature.ErrDefer => new Statement.ErrDefer(body),
                _ => new Statement.ErrDeferCapture(Site(), body),
            }
        );
    }

    /// <summary>An errdefer just before a call that may pass an error on: one that has something to run for.</summary>
    private void GuardPassing(Region region)
    {
        var percent = (_profile[Feature.ErrDefer] + _profile[Feature.ErrDeferCapture]) * 3 / 2;
        if (!_plan.IsDeep && region.Depth < MaxDepth && _choices.Chance(percent))
        {
            WriteCleanup(region, PickOf((Feature.ErrDefer, 1), (Feature.ErrDeferCapture, 1)));
        }
    }

    /// <summary>Something after which an error may leave the function, if there is anything.</summary>
    private void WriteFallible(Region region)
    {
        var passes = _profile.Has(Feature.HandleTry) || _profile.Has(Feature.HandleRethrow);
        var callees = ExtraCallees(region).Where(callee => callee.IsFallible && callee.Raised.Within(Allowed)).ToList();
        if (region.CanLeave && passes && callees.Count > 0)
        {
            WriteCall(region, _choices.Of(callees), mustPass: true);
        }
        else if (MayRaise(region) && _profile.Has(Feature.Raise))
        {
            WriteExit(region, Feature.Raise);
        }
    }

    /// <summary>In a defer nothing may leave it, and no error may come out of it.</summary>
    private static Region CleanupRegion(Region region) =>
        new(region)
        {
            CanLeave = false,
            InLoop = false,
            InCleanup = true,
        };

    private ResourceKind AcquiredKind()
    {
        Span<int> weights =
        [
            _profile[Feature.HeapBlock],
            _profile[Feature.TableHandle],
            _profile[Feature.FileDescriptor],
        ];
        return (ResourceKind)(1 + _choices.Weighted(weights));
    }

    private void WriteAcquire(Region region, ResourceKind kind)
    {
        var local = new Local(NewLocal(), LocalKind.Value, new ZigType.Handle());
        if (IsReleasedManually(region))
        {
            region.Add(new Statement.Acquire(Site(), local.Id, kind, Disposition.Manual));
            region.Declare(local);
            ReleaseManually(region, local.Id);
        }
        else
        {
            region.Add(new Statement.Acquire(Site(), local.Id, kind, Disposition.Defer));
            region.Declare(local);
        }
    }

    /// <summary>What a callee handed over is released by a defer, or by hand.</summary>
    private void SeeToRelease(Region region, Local handle)
    {
        if (IsReleasedManually(region))
        {
            ReleaseManually(region, handle.Id);
        }
        else
        {
            region.Add(new Statement.Defer([new Statement.Release(Site(), handle.Id)]));
        }
    }

    private bool IsReleasedManually(Region region) =>
        PickOf((Feature.ReleasedByDefer, 1), (Feature.ReleasedManually, 1)) is Feature.ReleasedManually;

    /// <summary>A few statements that cannot leave the block, then the release.</summary>
    private void ReleaseManually(Region region, int handle)
    {
        var (canLeave, inLoop) = (region.CanLeave, region.InLoop);
        (region.CanLeave, region.InLoop) = (false, false);
        Fill(region, _choices.Between(0, 2));
        (region.CanLeave, region.InLoop) = (canLeave, inLoop);
        region.Add(new Statement.Release(Site(), handle));
    }

    private IEnumerable<int> FreeMutexes(Region region) =>
        Enumerable.Range(0, _program.Mutexes).Where(mutex => (region.Held >> mutex & 1) == 0);

    /// <summary>A lock, mostly in a block of its own, so that it is not held for the rest of the function.</summary>
    private void WriteLock(Region region)
    {
        var inner =
            region.Depth < MaxDepth && _profile.Has(Feature.Block) && _choices.Chance(70) ? new Region(region) : region;
        var mutex = _choices.Of([.. FreeMutexes(region)]);
        var local = new Local(NewLocal(), LocalKind.Value, new ZigType.Handle());
        inner.Add(new Statement.Lock(Site(), local.Id, mutex));
        inner.Declare(local);
        inner.Held |= 1 << mutex;
        _plan.Locks |= 1 << mutex;
        if (_choices.Chance(3 * _profile[Feature.Yield]) && !IsSingleFiber)
        {
            inner.Add(new Statement.Yield(Site()));
        }

        if (inner != region)
        {
            Fill(inner, _choices.Between(1, 3));
            region.Add(new Statement.Block(inner.Statements.ToEquatableArray()));
        }
    }
}
