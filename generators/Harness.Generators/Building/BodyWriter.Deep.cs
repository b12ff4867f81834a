using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// Functions on a cycle of thousands of frames: small frames, a handful of events each, and a probe only where the
/// cycle ends.
/// </summary>
internal sealed partial class BodyWriter
{
    private void WriteDeep(Region region)
    {
        for (var count = _choices.Between(0, 3); count > 0; count--)
        {
            WriteDeepStatement(region);
        }

        if (_plan.BackEdge < 0)
        {
            foreach (var child in _plan.Children.Select(id => _program.Functions[id]).Where(child => child.IsDeep))
            {
                WriteDeepCall(region, child);
            }

            Finish(region);
            return;
        }

        var target = _program.Functions[_plan.BackEdge];
        var body = new Region(region) { UnderFuel = true };
        if (_choices.Chance(_profile[Feature.TailRecursion] * 2) && CanTail(body, target))
        {
            WriteTailCall(body, target);
        }
        else
        {
            WriteDeepCall(body, target);
            if (body.Completes && _choices.Chance(70))
            {
                WriteReturn(body);
            }
        }

        region.Add(new Statement.IfFuel(body.Statements.ToEquatableArray()));
        if (body.Completes || !_profile.Has(Feature.Probe))
        {
            WriteDeepStatement(region);
        }
        else
        {
            region.Add(new Statement.Probe(Site()));
        }

        Finish(region);
    }

    private void WriteDeepStatement(Region region)
    {
        var cleanup = CleanupRegion(region);
        switch (
            PickOf(
                (Feature.Log, 1),
                (Feature.Let, 1),
                (Feature.Cell, 1),
                (Feature.Store, 1),
                (Feature.Defer, 1),
                (Feature.HeapBlock, 1),
                (Feature.ErrDefer, _plan.IsFallible ? 1 : 0),
                (Feature.ErrDeferCapture, _plan.IsFallible ? 1 : 0)
            )
        )
        {
            case Feature.Let:
                WriteLet(region);
                break;
            case Feature.Cell:
                WriteCell(region);
                break;
            case Feature.Store:
                WriteStore(region);
                break;
            case Feature.HeapBlock:
                WriteAcquire(region, ResourceKind.HeapBlock);
                break;
            case Feature.Defer:
                WriteLog(cleanup);
                region.Add(new Statement.Defer(cleanup.Statements.ToEquatableArray()));
                break;
            case Feature.ErrDefer:
                WriteLog(cleanup);
                region.Add(new Statement.ErrDefer(cleanup.Statements.ToEquatableArray()));
                break;
            case Feature.ErrDeferCapture:
                region.Add(new Statement.ErrDeferCapture(Site(), []));
                break;
            default:
                WriteLog(region);
                break;
        }
    }

    private void WriteDeepCall(Region region, FunctionPlan callee)
    {
        _budget = 0; // Handlings stay empty.
        WriteCall(region, callee);
    }
}
