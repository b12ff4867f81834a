namespace Harness.Binary.StackUse;

internal sealed partial class FunctionWalk
{
    /// <summary>Reads a finished walk.</summary>
    private sealed class UseRecorder(FunctionWalk walk)
    {
        private readonly Dictionary<(ExitKind, ulong, string, bool, bool), StackExit> _exits = [];
        private long _unchecked;
        private long _checked;
        private long? _guaranteed;

        public FunctionUse Record(ulong address, CodeFunction function)
        {
            foreach (var visit in walk._visits.Values)
            {
                Record(visit);
            }

            var named = address == function.Start ? function : function with { Name = walk.Place(address) };
            return new FunctionUse(
                named, _unchecked, _checked, _guaranteed, walk._stated, walk._arguments, walk._alignment, walk._problem, [.. _exits.Values])
            {
                IsDynamic = walk._isDynamic, ProblemSite = walk._problemSite,
            };
        }

        private void Record(Visit visit)
        {
            var steps = visit.Steps.List;
            for (var i = 0; i < steps.Length; i++)
            {
                if (visit.Rounds[i] == 0)
                {
                    continue;
                }

                var state = visit.States[i];
                var after = state;
                walk.Apply(visit, steps[i], ref after);
                Guarantee(state);
                if (!after.Elsewhere)
                {
                    Use(state, after.Depth);
                }

                if (!state.Elsewhere)
                {
                    Record(visit, steps[i], state, last: i == steps.Length - 1);
                }
            }
        }

        private void Record(Visit visit, in Step step, in WalkState state, bool last)
        {
            Use(state, state.Depth);
            if (visit.Steps.LowestFromFrame < 0 && state[Kept.Frame] is { IsBelow: true } frame)
            {
                Use(state, frame.Value - visit.Steps.LowestFromFrame);
            }

            switch (step.Kind)
            {
                case StepKind.Touch:
                    Use(state, state.Depth - step.Value);
                    break;
                case StepKind.Call when walk.RoleOf(step) is CallRole.Probe:
                    Use(state, state.Depth + Math.Max(2 * Word, state[Kept.A].Value));
                    break;
                case StepKind.Call:
                    Exit(walk.Target((ulong)step.Value), state.Depth + Word, step, state);
                    break;
                case StepKind.CallPointer:
                    Exit(walk.PointerTarget(step), state.Depth + Word, step, state);
                    break;
                case StepKind.JumpPointer when walk.PlacesOf(visit, step).Count == 0:
                    Exit(walk.PointerTarget(step), state.Depth, step, state);
                    break;
                case StepKind.Jump or (>= StepKind.BranchAbove and <= StepKind.Branch):
                    RecordJump(visit, step, state);
                    break;
            }

            if (last && step.Kind is not (StepKind.Call or StepKind.CallPointer or StepKind.Jump or StepKind.JumpPointer or StepKind.Return or StepKind.Trap or StepKind.Bad))
            {
                RunOn(visit, step, state);
            }
        }

        private void RecordJump(Visit visit, in Step step, in WalkState state)
        {
            var target = (ulong)step.Value;
            var inside = walk.FunctionAt(target) is { } other && (other.Start != target || (other == visit.Steps.Function && target == walk._root));
            if (!inside)
            {
                var taken = Taken(step, state);
                Guarantee(taken);
                Exit(walk.Target(target), state.Depth, step, taken);
            }
        }

        private void Guarantee(in WalkState state)
        {
            if (state.Checked)
            {
                _guaranteed = Math.Min(_guaranteed ?? long.MaxValue, state.Guaranteed);
            }
        }

        /// <summary>Code that goes on behind the function's end, where the next begins at once.</summary>
        private void RunOn(Visit visit, in Step step, in WalkState state)
        {
            if (walk.FunctionAt(visit.Steps.Function.End) is { } next)
            {
                var after = state;
                walk.Apply(visit, step, ref after);
                if (state.Compared == 1 && step.Kind is StepKind.BranchBelowOrEqual)
                {
                    Pass(ref after); // A thunk in front of its function.
                }

                Guarantee(after);
                Exit((ExitKind.Direct, next.Start, next.Name), after.Depth, step, after);
            }
        }

        private void Use(in WalkState state, long bytes)
        {
            ref var use = ref state.Checked ? ref _checked : ref _unchecked;
            use = Math.Max(use, bytes);
        }

        private void Exit((ExitKind Kind, ulong Target, string Name) to, long bytes, in Step step, in WalkState state)
        {
            var key = (to.Kind, to.Target, to.Name, state.Checked, state.Reported);
            if (!_exits.TryGetValue(key, out var known) || known.Bytes < bytes)
            {
                _exits[key] = new StackExit(to.Kind, bytes, to.Target, to.Name, step.Address, state.Checked, state.Reported);
            }
        }
    }
}
