using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Calls, what becomes of their outcome, and the ways back under fuel.</summary>
internal sealed partial class BodyWriter
{
    /// <summary>Functions that may be called here once more without making the program too long.</summary>
    private IEnumerable<FunctionPlan> ExtraCallees(Region region) =>
        _program
            .Functions.Skip(_plan.Id + 1)
            .Where(callee =>
                !callee.IsDeep
                && _plan.Cost + (region.Times * callee.Cost) <= Cap
                && (callee.Locks & region.Held) == 0
                && CanReceive(region, callee)
            );

    /// <summary>A handle has to be taken; only the if-else handling can do that where no error may leave.</summary>
    private bool CanReceive(Region region, FunctionPlan callee) =>
        !callee.ReturnsHandle
        || _profile.Has(Feature.HandleIfElse)
        || (MayFail(region) && _profile.Has(Feature.HandleTry) && callee.Raised.Within(Allowed));

    /// <summary>The errors that may leave this function.</summary>
    private UserErrors Allowed => _plan.Errors is ErrorSet.Inferred ? UserErrors.Any : _plan.Raised;

    private void WriteExtraCall(Region region) => WriteCall(region, _choices.Of([.. ExtraCallees(region)]));

    private bool TryCall(Region region, FunctionPlan callee, bool force)
    {
        var leadsDeep = callee.IsDeep || callee.Children.Any(child => _program.Functions[child].IsDeep);
        if (
            !force
            && (
                (leadsDeep && region.Depth > 0)
                || (callee.Locks & region.Held) != 0
                || (region.Times > 1 && _plan.Cost + (region.Times * callee.Cost) > 2 * Cap)
            )
        )
        {
            return false;
        }

        if (!CanReceive(region, callee))
        {
            return false;
        }

        var times = Math.Min(_choices.Between(2, 6), (Cap - _plan.Cost) / (region.Times * callee.Cost));
        if (times > 1 && !leadsDeep && region.Depth < MaxDepth && _profile.Has(Feature.Loop) && _choices.Chance(40))
        {
            WriteLoop(region, times, inner => WriteCall(inner, callee));
        }
        else
        {
            WriteCall(region, callee);
        }

        return true;
    }

    /// <summary>The call, and for a handle the statements that see to its release.</summary>
    private void WriteCall(Region region, FunctionPlan callee, bool mustPass = false)
    {
        _plan.Cost += callee.Id > _plan.Id ? region.Times * callee.Cost : 0;
        _plan.Locks |= callee.Locks;
        var handling = mustPass
            ? PickOf((Feature.HandleTry, 1), (Feature.HandleRethrow, 1), (Feature.HandleMap, MayRaise(region) ? 1 : 0))
            : Pick(region, callee);
        if (handling is Feature.HandleTry or Feature.HandleRethrow or Feature.HandleMap && !mustPass)
        {
            GuardPassing(region);
        }

        var arguments = Arguments(region, callee, isTail: false);
        var form = Form(callee);
        var site = Site();
        var result =
            callee.ReturnsHandle || (callee.Payload is not ZigType.Void && _choices.Chance(75)) ? NewLocal() : -1;
        var isFramed = callee.Payload is ZigType.Slice && PointIntoFrame(region, arguments);
        var local = new Local(result, isFramed ? LocalKind.Framed : LocalKind.Value, callee.Payload);
        Statement.Call Call(Handling h) => new(site, callee.Id, form, arguments, h, result);

        if (handling is Feature.HandleIfElse)
        {
            region.Add(Call(IfElse(region, local)));
            return;
        }

        region.Add(Call(callee.IsFallible ? Handled(region, callee, handling) : new Handling.Plain()));
        if (result < 0)
        {
            return;
        }

        region.Declare(local);
        if (callee.ReturnsHandle)
        {
            SeeToRelease(region, local);
        }
        else if (_choices.Chance(35))
        {
            region.Add(new Statement.Log(Site(), new Scalar.Fold(result)));
        }
    }

    private CallForm Form(FunctionPlan callee)
    {
        if (callee.Kind is FunctionKind.Callback)
        {
            return CallForm.Callback;
        }

        var byPointer = callee.Kind is FunctionKind.Plain && callee.Errors is not ErrorSet.Inferred;
        Span<int> weights =
        [
            _profile[Feature.DirectCall],
            _profile[Feature.NeverTailCall],
            byPointer ? _profile[Feature.PointerCall] : 0,
        ];
        return _choices.Weighted(weights) switch
        {
            1 => CallForm.NeverTail,
            2 => CallForm.Pointer,
            _ => CallForm.Direct,
        };
    }

    /// <summary>A handling that may stand here for the callee; the first when none of those is on.</summary>
    private Feature Pick(Region region, FunctionPlan callee)
    {
        if (!callee.IsFallible)
        {
            return Feature.HandleCatchValue;
        }

        var passes = MayFail(region) && callee.Raised.Within(Allowed) ? 1 : 0;
        var raises = MayRaise(region) ? 1 : 0;
        var nests = region.Depth < MaxDepth ? 1 : 0;
        if (callee.ReturnsHandle)
        {
            return PickOf(
                (Feature.HandleIfElse, 1),
                (Feature.HandleTry, passes),
                (Feature.HandleRethrow, passes),
                (Feature.HandleMap, raises)
            );
        }

        return PickOf(
            (Feature.HandleCatchValue, 1),
            (Feature.HandleTry, passes),
            (Feature.HandleRethrow, passes),
            (Feature.HandleMap, raises),
            (Feature.HandleCatchBlock, nests),
            (Feature.HandleIfElse, nests),
            (Feature.HandleCatchSwitch, callee.Raised.Mask != 0 ? nests : 0)
        );
    }

    private Feature PickOf(params ReadOnlySpan<(Feature Feature, int Times)> options)
    {
        Span<int> weights = stackalloc int[options.Length];
        for (var i = 0; i < options.Length; i++)
        {
            weights[i] = options[i].Times * _profile[options[i].Feature];
        }

        return options[_choices.Weighted(weights)].Feature;
    }

    private Handling Handled(Region region, FunctionPlan callee, Feature handling)
    {
        switch (handling)
        {
            case Feature.HandleTry:
                _plan.Raised |= callee.Raised;
                return new Handling.Try();
            case Feature.HandleRethrow:
                _plan.Raised |= callee.Raised;
                return new Handling.Rethrow(Site());
            case Feature.HandleMap:
                return new Handling.Map(Site(), RaisedError());
            case Feature.HandleCatchBlock:
                return new Handling.CatchBlock(Site(), Branch(region), Scalar(region));
            case Feature.HandleCatchSwitch:
                var known = callee.Raised.Names.ToList();
                var likely = known.Intersect(_program.Errors).ToList();
                var cases = (likely.Count > 0 ? likely : known).Take(_choices.Between(1, 3));
                return new Handling.CatchSwitch(
                    Site(),
                    cases.Select(error => new SwitchCase(error, Branch(region))).ToEquatableArray(),
                    Branch(region),
                    Scalar(region)
                );
            default:
                return new Handling.CatchValue(Scalar(region));
        }
    }

    private Handling.IfElse IfElse(Region region, Local result)
    {
        var site = Site();
        var then = new Region(region);
        if (result.Id >= 0)
        {
            then.Declare(result);
        }

        if (result.Type is ZigType.Handle)
        {
            SeeToRelease(then, result);
        }

        Fill(then, _choices.Between(1, 2));
        return new Handling.IfElse(site, then.Statements.ToEquatableArray(), Branch(region));
    }

    /// <summary>A block of a handling: perhaps empty, perhaps leaving the function.</summary>
    private EquatableArray<Statement> Branch(Region region)
    {
        var branch = new Region(region) { IsRare = true };
        Fill(branch, _choices.Between(0, 2));
        if (_choices.Chance(20))
        {
            TryExit(branch);
        }

        return branch.Statements.ToEquatableArray();
    }

    /// <summary>The way back, under fuel; sometimes what follows then only runs when the fuel is gone.</summary>
    private bool TryRecurse(Region region, bool force)
    {
        var target = _program.Functions[_plan.BackEdge];
        if (!CanReceive(region, target) || (!force && (target.Locks & region.Held) != 0) || region.Times > 4)
        {
            return false;
        }

        var body = new Region(region) { UnderFuel = true };
        if (_choices.Chance(_profile[Feature.TailRecursion]) && CanTail(body, target))
        {
            WriteTailCall(body, target);
        }
        else
        {
            Fill(body, _choices.Between(0, 1));
            if (body.Completes)
            {
                WriteCall(body, target);
            }

            if (_choices.Chance(30))
            {
                TryExit(body);
            }
        }

        region.Add(new Statement.IfFuel(body.Statements.ToEquatableArray()));
        return true;
    }

    private IEnumerable<FunctionPlan> TailCallees(Region region) =>
        region.CanLeave && !region.HasPendingDefer && region.Owned < 0 && !_plan.IsDeep
            ? _program
                .Functions.Skip(_plan.Id + 1)
                .Where(callee =>
                    !callee.IsDeep && CanTail(region, callee) && _plan.Cost + (region.Times * callee.Cost) <= 2 * Cap
                )
            : [];

    private bool CanTail(Region region, FunctionPlan callee) =>
        region.CanLeave
        && !region.HasPendingDefer
        && region.Owned < 0
        && callee.Kind is not FunctionKind.Callback
        && callee.Payload == _plan.Payload
        && (!callee.IsFallible || (_plan.IsFallible && callee.Raised.Within(Allowed)))
        && (
            !callee.Parameters.Any(type => type is ZigType.CellPointer)
            || region.Locals.Any(local => local.Kind is LocalKind.CellPointer)
        );

    private void WriteTailCall(Region region, FunctionPlan callee)
    {
        _plan.Cost += callee.Id > _plan.Id ? region.Times * callee.Cost : 0;
        _plan.Locks |= callee.Locks;
        _plan.Raised |= callee.Raised;
        var arguments = Arguments(region, callee, isTail: true);
        region.Add(new Statement.TailCall(Site(), callee.Id, arguments));
    }
}
