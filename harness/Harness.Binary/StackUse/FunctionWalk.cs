using System.Buffers;

namespace Harness.Binary.StackUse;

/// <summary>
/// Follows one function along every way through it and says how far down rsp can be at each place. Where ways meet, the deeper one
/// counts; a jump by a table goes where the table says. Jumps into the middle of another function are followed there.
/// </summary>
internal sealed partial class FunctionWalk(
    CodeImage image, StackRules rules, Landmarks landmarks, Returns returns, JumpTargets tables, Func<CodeFunction, Steps> stepsOf)
{
    private const long MaxDepth = 1L << 40;

    /// <summary>Ways meeting at one place that each time make it deeper: no compiler's code needs as many.</summary>
    private const int MaxRounds = 32;

    private const int Word = 8;
    private readonly Dictionary<ulong, Visit> _visits = [];
    private readonly Stack<(Visit Visit, int Index, WalkState State)> _work = new();
    private ulong _root;
    private string? _problem;
    private ulong _problemSite;
    private bool _isDynamic;
    private long? _stated;
    private long? _arguments;
    private long _alignment = 1;

    /// <summary>A function whose code this walk came to, and what is known at each of its steps.</summary>
    private sealed class Visit(Steps steps) : IDisposable
    {
        public Steps Steps { get; } = steps;

        /// <summary>Borrowed, so of any length and content: of a step that no way has come to (<see cref="Rounds"/> is 0) it says nothing.</summary>
        public WalkState[] States { get; } = ArrayPool<WalkState>.Shared.Rent(steps.List.Length);

        public byte[] Rounds { get; } = new byte[steps.List.Length];

        public void Dispose() => ArrayPool<WalkState>.Shared.Return(States);
    }

    public FunctionUse Walk(ulong address, CodeFunction function)
    {
        Forget(); // What a walk left that did not end.
        (_root, _problem, _problemSite, _isDynamic, _stated, _arguments, _alignment) = (address, null, 0, false, null, null, 1);
        var start = VisitOf(function);
        _work.Push((start, start.Steps.IndexAt(address), new WalkState { Guaranteed = long.MaxValue }));
        while (_problem is null && _work.TryPop(out var item))
        {
            Follow(item.Visit, item.Index, item.State);
        }

        var use = new UseRecorder(this).Record(address, function);
        Forget();
        return use;
    }

    private void Forget()
    {
        foreach (var visit in _visits.Values)
        {
            visit.Dispose();
        }

        _visits.Clear();
        _work.Clear();
    }

    private Visit VisitOf(CodeFunction function)
    {
        if (!_visits.TryGetValue(function.Start, out var visit))
        {
            _visits.Add(function.Start, visit = new Visit(stepsOf(function)));
        }

        return visit;
    }

    private void Follow(Visit visit, int index, WalkState state)
    {
        var steps = visit.Steps.List;
        for (; index < steps.Length; index++)
        {
            ref var known = ref visit.States[index];
            ref var rounds = ref visit.Rounds[index];
            if (rounds == 0)
            {
                known = state;
            }
            else if (!known.Join(state))
            {
                return;
            }

            if (++rounds > MaxRounds)
            {
                Fail(steps[index].Address, $"rsp goes lower with every turn of a loop at {Place(steps[index].Address)}", isDynamic: true);
                return;
            }

            state = known;
            if (!Advance(visit, steps[index], ref state) || _problem is not null)
            {
                return;
            }
        }
    }

    /// <summary>What a step does; false: control does not go on behind it.</summary>
    private bool Advance(Visit visit, in Step step, ref WalkState state)
    {
        switch (step.Kind)
        {
            case StepKind.Call or StepKind.CallPointer:
                return Call(step, ref state);
            case StepKind.Jump:
                Go(visit, (ulong)step.Value, state.Arrived());
                return false;
            case StepKind.JumpPointer:
                JumpThrough(visit, step, state);
                return false;
            case StepKind.Branch or StepKind.BranchAbove or StepKind.BranchBelowOrEqual or StepKind.BranchEqual or StepKind.BranchDifferent:
                return Branch(visit, step, ref state);
            case StepKind.Return or StepKind.Trap:
                return false;
            case StepKind.Bad:
                Fail(step.Address, $"what stands at {Place(step.Address)} cannot be followed");
                return false;
            default:
                Move(visit, step, ref state);
                return true;
        }
    }

    /// <summary>Where the table says; without one, a jump that leaves no frame behind is a call in the end, which is found when exits are recorded.</summary>
    private void JumpThrough(Visit visit, in Step step, in WalkState state)
    {
        var places = PlacesOf(visit, step);
        foreach (var place in places)
        {
            _work.Push((visit, visit.Steps.IndexAt(place), state.Arrived()));
        }

        if (places.Count == 0 && state is { Depth: > 0, Elsewhere: false } && landmarks.PointerTarget(step.Value).Kind is ExitKind.Indirect)
        {
            Fail(step.Address, $"the jump at {Place(step.Address)} goes where no table that can be read says");
        }
    }

    private IReadOnlyList<ulong> PlacesOf(Visit visit, in Step step) => tables.Of(visit.Steps, step.Address, returns);

    /// <param name="isDynamic">How far rsp goes down is decided when the program runs.</param>
    private void Fail(ulong site, string problem, bool isDynamic = false)
    {
        if (_problem is null)
        {
            (_problem, _problemSite, _isDynamic) = (problem, site, isDynamic);
        }
    }

    private string Place(ulong address) => landmarks.Place(address);

    private void Go(Visit from, ulong target, in WalkState state)
    {
        var visit = from;
        if (target < from.Steps.Function.Start || target >= from.Steps.Function.End)
        {
            if (image.Containing(target) is not { } other || other.Start == target)
            {
                return; // An exit; what is no function's is found when exits are recorded.
            }

            visit = VisitOf(other);
        }
        else if (target == from.Steps.Function.Start && target != _root)
        {
            return;
        }

        _work.Push((visit, visit.Steps.IndexAt(target), state));
    }

    /// <summary>False: control never goes on behind it.</summary>
    private bool Branch(Visit visit, in Step step, ref WalkState state)
    {
        var (taken, onward) = (Taken(step, state), state);
        if (state.Compared == 1 && step.Kind is StepKind.BranchBelowOrEqual)
        {
            Pass(ref onward);
        }
        else if (state.Compared == 2 && !state.Elsewhere && step.Kind is StepKind.BranchEqual or StepKind.BranchDifferent)
        {
            // A loop that probes a frame: rsp goes down to the place compared with. (It would never end if rsp could pass it.)
            taken.Depth = state.ComparedAt;
            onward.Depth = state.ComparedAt;
        }

        // Compared with zero, below or equal is equal.
        var isZero = step.Kind is StepKind.BranchEqual or StepKind.BranchBelowOrEqual;
        var decides = isZero || step.Kind is StepKind.BranchDifferent or StepKind.BranchAbove;
        taken.Reported |= state.Compared == 3 && decides && isZero;
        onward.Reported |= state.Compared == 3 && decides && !isZero;
        if (state.Compared != 4 || !isZero)
        {
            Go(visit, (ulong)step.Value, taken.Arrived());
        }

        state = onward;
        return state.Compared != 4 || !decides || isZero;
    }

    /// <summary>What holds where a jump leads, inside the function or out of it: a thunk goes to its function by <c>ja</c>.</summary>
    private static WalkState Taken(in Step step, in WalkState state)
    {
        var taken = state;
        if (state.Compared == 1 && step.Kind is StepKind.BranchAbove)
        {
            Pass(ref taken);
        }

        return taken;
    }

    /// <summary>The way on from a comparison that found the limit to be lower.</summary>
    private static void Pass(ref WalkState state)
    {
        state.Guaranteed = state.Checked ? Math.Min(state.Guaranteed, state.ComparedAt) : state.ComparedAt;
        state.Checked = true;
    }

    /// <summary>A call, and what holds behind it; false: it does not come back.</summary>
    private bool Call(in Step step, ref WalkState state)
    {
        var target = (ulong)step.Value;
        var role = step.Kind is StepKind.Call ? landmarks.RoleOf(target) : CallRole.Plain;
        if (role is CallRole.Probe)
        {
            var kept = state[Kept.A];
            if (!kept.IsNumber)
            {
                Fail(step.Address, $"how far the call at {Place(step.Address)} probes cannot be told", isDynamic: true);
            }

            state.Returned();
            state[Kept.A] = kept;
            return true;
        }

        if (role is CallRole.Plain || !landmarks.IsReturn(step.Next))
        {
            var argument = state[Kept.D];
            var variable = state.InSlot;
            state.Returned();
            if (step.Kind is StepKind.Call)
            {
                state.InSlot = landmarks.KeepsVariables(target) ? variable : default;
                state[Kept.A] = landmarks.Reports(target, argument.IsNumber ? argument.Value : null) ? Known.Answer
                    : landmarks.GivesError(target) ? Known.Error : default;
            }

            return step.Kind is StepKind.CallPointer || returns.From(target);
        }

        var told = role is CallRole.LlvmMorestack ? state[Kept.R10] : state.Pushed;
        var frame = !told.IsNumber ? 0 : role is CallRole.LlvmMorestack ? told.Value : (told.Value & 0xfffff) * 16;
        _stated = Math.Min(_stated ?? long.MaxValue, frame);
        _arguments = role is CallRole.LlvmMorestack ? (state[Kept.R11].IsNumber ? state[Kept.R11].Value : null)
            : told.IsNumber && (int)told.Value < 0 ? ((told.Value >> 20) & 0x7ff) * 64 : null;
        state.Returned();
        state.Depth -= role is CallRole.LlvmMorestack ? 0 : Word;
        var body = state;
        body.ComparedAt = frame;
        Pass(ref body);
        if (image.Containing(step.Next + 1) is { } function && VisitOf(function) is { } visit)
        {
            _work.Push((visit, visit.Steps.IndexAt(step.Next + 1), body.Arrived()));
        }

        return true;
    }

    private void Move(Visit visit, in Step step, ref WalkState state)
    {
        var pushed = state.Pushed;
        switch (step.Kind)
        {
            case StepKind.Lower:
                state.Depth += step.Value;
                state.Pushed = default;
                break;
            case StepKind.PushNumber:
                state.Depth += Word;
                state.Pushed = Known.Number(step.Value);
                break;
            case StepKind.Align:
                state.Depth += Math.Max(step.Value - Word, 0);
                _alignment = Math.Max(_alignment, step.Value);
                break;
            case StepKind.LowerByRegister:
                LowerByRegister(step, ref state);
                break;
            case StepKind.SetStack when state[step.Register].IsBelow:
                state.Depth = state[step.Register].Value - step.Value;
                state.Elsewhere = false;
                break;
            case StepKind.SetStack or StepKind.LeaveStack:
                Leave(visit, step, ref state);
                break;
            case StepKind.KeepStack:
                state[step.Register] = state.Elsewhere ? default : Known.Below(state.Depth - step.Value);
                break;
            case StepKind.KeepNumber:
                state[step.Register] = Known.Number(step.Value);
                break;
            case StepKind.Forget:
                state[step.Register] = default;
                break;
            case StepKind.CompareLimit or StepKind.CompareStack:
                var compared = state[step.Register];
                state.Compared = !compared.IsBelow || state.Elsewhere ? (byte)0 : step.Kind is StepKind.CompareLimit ? (byte)1 : (byte)2;
                state.ComparedAt = compared.Value + step.Value;
                break;
            case StepKind.ForgetFlags:
                state.Compared = 0;
                break;
            default:
                MoveAnswer(step, ref state);
                break;
        }

        if (state.Depth is > MaxDepth or < -MaxDepth)
        {
            Fail(step.Address, $"rsp is moved by more than {MaxDepth} bytes at {Place(step.Address)}");
        }
    }

    private void LowerByRegister(in Step step, ref WalkState state)
    {
        if (state[step.Register] is { IsNumber: true, Value: >= 0 and < MaxDepth } by)
        {
            state.Depth += by.Value;
        }
        else
        {
            Fail(step.Address, $"rsp goes down by a number that is not known at {Place(step.Address)}", isDynamic: true);
        }
    }

    private void Leave(Visit visit, in Step step, ref WalkState state)
    {
        state.Elsewhere = true;
        if (!rules.Switching.Any(rule => rule.Fits(visit.Steps.Function.Name)))
        {
            Fail(step.Address, $"rsp is set to what is not known at {Place(step.Address)}, in a function that is not on the list of those that change stacks", isDynamic: true);
        }
    }

    /// <summary>What a step that only moves does; nothing for others.</summary>
    private void Apply(Visit visit, in Step step, ref WalkState state)
    {
        if (step.Kind < StepKind.Call && _problem is null)
        {
            Move(visit, step, ref state);
        }
    }

    private CallRole RoleOf(in Step step) => landmarks.RoleOf((ulong)step.Value);

    private CodeFunction? FunctionAt(ulong address) => image.Containing(address);

    private (ExitKind Kind, ulong Target, string Name) Target(ulong address) => landmarks.Target(address);

    private (ExitKind Kind, ulong Target, string Name) PointerTarget(in Step step) => landmarks.PointerTarget(step.Value);
}
