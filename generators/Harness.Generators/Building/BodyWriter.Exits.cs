using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Ways out of a function: raise, return, tail call; and how a handle is handed over.</summary>
internal sealed partial class BodyWriter
{
    private bool MayRaise(Region region) => MayFail(region) && Raisable.Count > 0;

    private IReadOnlyList<ErrorName> Raisable =>
        _plan.Errors is ErrorSet.Explicit e ? [.. e.Errors]
        : _plan.IsFallible ? _program.Errors
        : [];

    /// <summary>In a function that owes a handle there must be one to return, or a place to get one.</summary>
    private bool MayReturn(Region region) =>
        region.CanLeave && (!_plan.ReturnsHandle || region.Owned >= 0 || region.Depth < MaxDepth);

    private ErrorName RaisedError()
    {
        var error = _choices.Of(Raisable);
        _plan.Raised |= Syntax.UserErrors.Of([error]);
        return error;
    }

    /// <summary>An exit under a condition.</summary>
    private void WriteExit(Region region, Feature kind)
    {
        var when = Condition(region, kind is Feature.TailCall ? 2 : _choices.Between(3, 6));
        var then = new Region(region);
        if (region.Depth < MaxDepth)
        {
            Fill(then, _choices.Between(0, 1));
        }

        if (then.Completes)
        {
            switch (kind)
            {
                case Feature.Raise:
                    WriteRaise(then);
                    break;
                case Feature.TailCall when TailCallees(then).Any():
                    WriteTailCall(then, _choices.Of([.. TailCallees(then)]));
                    break;
                default:
                    WriteReturn(then);
                    break;
            }
        }

        var otherwise = new Region(region);
        if (region.Depth < MaxDepth && _choices.Chance(20))
        {
            Fill(otherwise, 1);
        }

        region.Add(new Statement.If(when, then.Statements.ToEquatableArray(), Completed(otherwise)));
    }

    /// <summary>The block if control comes out of it, so that at most one of two branches leaves.</summary>
    private static EquatableArray<Statement> Completed(Region region) =>
        region.Completes ? region.Statements.ToEquatableArray() : [];

    /// <summary>Ends the block by leaving the function, if there is a way.</summary>
    private void TryExit(Region region)
    {
        if (!region.Completes)
        {
            return;
        }

        var kind = PickOf(
            (Feature.Log, region.CanLeave ? 0 : 1),
            (Feature.Raise, MayRaise(region) ? 1 : 0),
            (Feature.EarlyReturn, MayReturn(region) ? 1 : 0),
            (Feature.TailCall, TailCallees(region).Any() ? 1 : 0)
        );
        switch (kind)
        {
            case Feature.Raise:
                WriteRaise(region);
                break;
            case Feature.TailCall:
                WriteTailCall(region, _choices.Of([.. TailCallees(region)]));
                break;
            case Feature.EarlyReturn:
                WriteReturn(region);
                break;
        }
    }

    private void WriteRaise(Region region) => region.Add(new Statement.Raise(Site(), RaisedError()));

    private void WriteReturn(Region region)
    {
        if (_plan.ReturnsHandle)
        {
            ReturnHandle(region);
            return;
        }

        var fitting = region
            .Locals.Where(local => local.Kind is LocalKind.Value && local.Type == _plan.Payload)
            .ToList();
        region.Add(
            new Statement.Return(
                fitting.Count > 0 && _choices.Chance(65)
                    ? new ReturnValue.Local(_choices.Of(fitting).Id)
                    : new ReturnValue.Made(Scalar(region))
            )
        );
    }

    /// <summary>The end of the whole body.</summary>
    private void Finish(Region region)
    {
        if (!region.Completes)
        {
            return;
        }

        if (TailCallees(region).Any() && _choices.Chance(2 * _profile[Feature.TailCall]))
        {
            WriteTailCall(region, _choices.Of([.. TailCallees(region)]));
        }
        else if (_choices.Chance(3) && _profile.Has(Feature.Raise) && MayRaise(region))
        {
            WriteRaise(region);
        }
        else if (_plan.ReturnsHandle || _choices.Chance(60))
        {
            WriteReturn(region);
        }
    }

    /// <summary>
    /// Hands over the handle that is owed, or gets one: released on the way out only if an error comes between.
    /// </summary>
    private void ReturnHandle(Region region)
    {
        if (region.Owned < 0)
        {
            region.InLoop = false;
            var handle = NewLocal();
            var callee = _choices.Of<FunctionPlan?>([null, null, .. HandleCallees(region)]);
            if (callee is null)
            {
                region.Add(new Statement.Acquire(Site(), handle, AcquiredKind(), Disposition.ErrDefer));
            }
            else
            {
                WriteHandleCall(region, callee, handle);
            }

            region.Declare(new Local(handle, LocalKind.Value, new ZigType.Handle()));
            region.Owned = handle;
            Fill(region, _choices.Between(0, 3));
        }

        if (region.Completes)
        {
            region.Add(new Statement.Return(new ReturnValue.Local(region.Owned)));
        }
    }

    private IEnumerable<FunctionPlan> HandleCallees(Region region) =>
        MayFail(region) && _profile.Has(Feature.HandleTry)
            ? _program
                .Functions.Skip(_plan.Id + 1)
                .Where(callee =>
                    callee.ReturnsHandle
                    && callee.Raised.Within(Allowed)
                    && _plan.Cost + (region.Times * callee.Cost) <= Cap
                )
            : [];

    private void WriteHandleCall(Region region, FunctionPlan callee, int handle)
    {
        _plan.Cost += region.Times * callee.Cost;
        _plan.Locks |= callee.Locks;
        _plan.Raised |= callee.Raised;
        var arguments = Arguments(region, callee, isTail: false);
        region.Add(new Statement.Call(Site(), callee.Id, Form(callee), arguments, new Handling.Try(), handle));
        region.Add(new Statement.ErrDefer([new Statement.Release(Site(), handle)]));
    }
}
