using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// Draws the outline: fibers, a tree of calls (each function has a caller with a lower number), back edges, and then
/// the signatures, callees first, so that a caller's error set and payload can go with its callees'.
/// </summary>
internal sealed class Planner(Choices choices, Profile profile, TypeGen types)
{
    private readonly List<FunctionPlan> _functions = [];
    private IReadOnlyList<ErrorName> _errors = [];
    private IReadOnlyList<ZigType> _palette = [];
    private int _ringMembers;

    public ProgramPlan Plan()
    {
        var size = choices.Size;
        var fibers = Fibers(out var entries);
        var count = entries + choices.Between(2 + (size / 16), 3 + (size / 6));
        for (var id = 0; id < Math.Min(count, ProgramLimits.MaxFunctions); id++)
        {
            _functions.Add(new FunctionPlan(id) { IsEntry = id < entries });
        }

        for (var id = entries; id < _functions.Count; id++)
        {
            _functions[choices.Between(Math.Max(0, id - 4), id - 1)].Children.Add(id);
        }

        var recursion = PlanRecursion();
        _errors =
        [
            .. Enumerable
                .Range(0, choices.Between(2, 4))
                .Select(_ => (ErrorName)choices.Between(1, UserErrors.Count))
                .Distinct(),
        ];
        _palette = [.. Enumerable.Range(0, choices.Between(2, 5)).Select(_ => choices.Draw(types.Any))];
        for (var id = _functions.Count - 1; id >= 0; id--)
        {
            Sign(_functions[id]);
        }

        ShareBudget(3 + (size * 3 / 4));
        var mutexes = profile.Has(Feature.MutexLock) ? choices.Between(1, fibers.Count > 1 ? 3 : 2) : 0;
        return new ProgramPlan(_functions, fibers, mutexes, recursion, _errors, _palette)
        {
            CostCap = 20 + (3 * size),
            Ring = _ringMembers > 0 ? new WaitingRing(_ringMembers, IsRingOfMutexes(), mutexes) : null,
        };
    }

    private bool IsRingOfMutexes() =>
        profile.Has(Feature.MutexLock) && (!profile.Has(Feature.Join) || choices.Chance(50));

    private List<FiberPlan> Fibers(out int entries)
    {
        var most = Math.Clamp(1 + (choices.Size / 4), 1, ProgramLimits.MaxFibers);
        var pick = choices.Pick(profile, Feature.OneFiber, Feature.TwoFibers, Feature.SomeFibers, Feature.ManyFibers);
        var count = Math.Min(
            most,
            pick switch
            {
                Feature.TwoFibers => 2,
                Feature.SomeFibers => choices.Between(3, 4),
                Feature.ManyFibers => choices.Between(5, 8),
                _ => 1,
            }
        );
        var distinct = entries = choices.Between(1, Math.Min(count, 3));
        if (
            count > 1
            && (profile.Has(Feature.Join) || profile.Has(Feature.MutexLock))
            && choices.Chance(profile[Feature.Deadlock])
        )
        {
            // One fiber more than wait for each other, with an entry of its own, goes on meanwhile.
            (count, entries, distinct) = (Math.Max(count, 3), 3, 3);
            _ringMembers = choices.Chance(75) || count == 3 ? 2 : WaitingRing.MaxMembers;
        }

        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new FiberPlan(
                    i < distinct ? i : choices.Between(0, distinct - 1),
                    i == 0
                        || i < _ringMembers
                        || choices.Pick(profile, Feature.LaunchedFiber, Feature.SpawnedFiber) is Feature.LaunchedFiber
                )),
        ];
    }

    private Recursion PlanRecursion()
    {
        switch (choices.Pick(profile, Feature.NoRecursion, Feature.ShallowRecursion, Feature.DeepRecursion))
        {
            case Feature.ShallowRecursion:
                for (var edges = choices.Between(1, 2); edges > 0; edges--)
                {
                    CloseCycle(choices.Of(_functions), deep: false);
                }

                return Recursion.Shallow;
            case Feature.DeepRecursion:
                CloseCycle(choices.Of([.. _functions.Where(f => f.Children.Count == 0)]), deep: true);
                return Recursion.Deep;
            default:
                return Recursion.None;
        }
    }

    /// <summary>
    /// A back edge from the function to itself, or to one on the way to it. Everything between may be on the cycle.
    /// </summary>
    private void CloseCycle(FunctionPlan source, bool deep)
    {
        var target = source;
        if (choices.Pick(profile, Feature.SelfRecursion, Feature.MutualRecursion) is Feature.MutualRecursion)
        {
            for (var steps = deep ? 1 : choices.Between(1, 3); steps > 0; steps--)
            {
                target = Caller(target) ?? target;
            }
        }

        if (deep && target != source && !Lighten(target, source))
        {
            target = source;
        }

        source.BackEdge = target.Id;
        source.IsDeep = target.IsDeep = deep;
        for (var id = target.Id; id <= source.Id; id++)
        {
            _functions[id].IsCyclic = true;
        }
    }

    private FunctionPlan? Caller(FunctionPlan plan) => _functions.FirstOrDefault(f => f.Children.Contains(plan.Id));

    /// <summary>
    /// Leaves the function one callee and gives the others to its caller: every round of the cycle would call them.
    /// </summary>
    private bool Lighten(FunctionPlan target, FunctionPlan source)
    {
        if (Caller(target) is not { } caller)
        {
            return target.Children.Count == 1;
        }

        caller.Children.AddRange(target.Children.Where(child => child != source.Id));
        target.Children.RemoveAll(child => child != source.Id);
        return true;
    }

    private void Sign(FunctionPlan plan)
    {
        plan.Kind = plan.IsEntry ? FunctionKind.Plain : Kind();
        plan.NoInline = choices.Pick(profile, Feature.NoInline, Feature.Inlinable) is Feature.NoInline;
        if (plan.Kind is FunctionKind.Callback)
        {
            plan.Parameters = [new ZigType.CellPointer()];
            return;
        }

        plan.Errors = Errors(plan);
        plan.Raised = plan.Errors switch
        {
            ErrorSet.AnyError => UserErrors.Any,
            ErrorSet.Explicit e => UserErrors.Of(e.Errors),
            _ => default,
        };
        plan.Payload = Payload(plan);
        plan.Parameters = Parameters(plan);
    }

    private FunctionKind Kind() =>
        choices.Pick(
            profile,
            Feature.PlainFunction,
            Feature.GenericFunction,
            Feature.MethodFunction,
            Feature.CallbackFunction
        ) switch
        {
            Feature.GenericFunction => FunctionKind.Generic,
            Feature.MethodFunction => FunctionKind.Method,
            Feature.CallbackFunction => FunctionKind.Callback,
            _ => FunctionKind.Plain,
        };

    private ErrorSet Errors(FunctionPlan plan)
    {
        Span<int> weights =
        [
            profile[Feature.AnyError],
            plan.Id < _ringMembers ? 0 : profile[Feature.Infallible] / (plan.IsEntry ? 2 : 1),
            plan.IsCyclic ? 0 : profile[Feature.InferredErrors],
            profile[Feature.ExplicitErrors],
        ];
        return choices.Weighted(weights) switch
        {
            0 => new ErrorSet.AnyError(),
            1 => new ErrorSet.Infallible(),
            2 => new ErrorSet.Inferred(),
            _ => new ErrorSet.Explicit(Explicit(plan).Names.ToEquatableArray()),
        };
    }

    /// <summary>Some errors of the program's, and mostly those of the callees too, so that they can be tried.</summary>
    private UserErrors Explicit(FunctionPlan plan)
    {
        var own = UserErrors.Of(_errors.Where(_ => choices.Chance(50)));
        foreach (var callee in plan.Children.Select(child => _functions[child]).Where(callee => !callee.Raised.IsAny))
        {
            own = choices.Chance(70) ? own | callee.Raised : own;
        }

        return own;
    }

    private ZigType Payload(FunctionPlan plan)
    {
        var mayOwn =
            plan.IsFallible
            && !plan.IsEntry
            && !plan.IsDeep
            && profile.Has(Feature.ReleasedByErrDefer)
            && (
                profile.Has(Feature.HeapBlock)
                || profile.Has(Feature.TableHandle)
                || profile.Has(Feature.FileDescriptor)
            );
        var callee = plan.Children.Count > 0 ? _functions[choices.Of(plan.Children)] : null;
        if (callee is not null && choices.Chance(35) && (mayOwn || !callee.ReturnsHandle))
        {
            return callee.Payload;
        }

        if (mayOwn && choices.Chance(profile[Feature.TypeHandle]))
        {
            return new ZigType.Handle();
        }

        return choices.Chance(2 * profile[Feature.TypeVoid]) ? new ZigType.Void() : Value(plan);
    }

    private ZigType Value(FunctionPlan plan) =>
        plan.IsDeep ? choices.Draw(types.Small)
        : choices.Chance(55) ? choices.Of(_palette)
        : choices.Draw(types.Any);

    private EquatableArray<ZigType> Parameters(FunctionPlan plan)
    {
        var count = choices.Pick(profile, Feature.FewParameters, Feature.SomeParameters, Feature.ManyParameters) switch
        {
            Feature.SomeParameters when !plan.IsDeep => choices.Between(3, 6),
            Feature.ManyParameters when !plan.IsDeep => choices.Between(7, ProgramLimits.MaxParameters),
            _ => choices.Between(0, 2),
        };
        var parameters = new List<ZigType>();
        for (var i = 0; i < count; i++)
        {
            parameters.Add(
                !plan.IsEntry && choices.Chance(profile[Feature.TypeCellPointer])
                    ? new ZigType.CellPointer()
                    : Value(plan)
            );
        }

        if (plan.Kind is FunctionKind.Generic && (parameters.Count == 0 || !parameters[0].IsMakeable))
        {
            parameters.Insert(0, Value(plan));
        }

        return parameters.Take(ProgramLimits.MaxParameters).ToEquatableArray();
    }

    private void ShareBudget(int total)
    {
        var shares = _functions.Select(f => f.IsDeep ? 1 : choices.Between(2, 6)).ToArray();
        var sum = shares.Sum();
        for (var i = 0; i < shares.Length; i++)
        {
            _functions[i].Budget = Math.Max(1, total * shares[i] / sum);
        }
    }
}
