namespace Harness.Binary.StackUse;

/// <summary>How a checkpoint's answer gets to where it is looked at: in rax, or by way of a variable (<see cref="StepReader"/>).</summary>
internal sealed partial class FunctionWalk
{
    private static void MoveAnswer(in Step step, ref WalkState state)
    {
        if (step.Kind is StepKind.CompareZero)
        {
            Compare(state[Kept.A], ref state);
            return;
        }

        if (step.Kind is not (>= StepKind.CompareSlot and <= StepKind.LoadSlot))
        {
            return;
        }

        // rsp's own distance does for an identity: it is the same wherever the frame is set up.
        var known = state[step.Register];
        var slot = known.Value - step.Value;
        var isIt = known.IsBelow && slot == state.Slot;
        switch (step.Kind)
        {
            case StepKind.CompareSlot:
                Compare(isIt ? state.InSlot : default, ref state);
                break;
            case StepKind.LoadSlot:
                state[Kept.A] = isIt ? state.InSlot : default;
                break;
            case StepKind.ForgetSlot when isIt:
                state.InSlot = default;
                break;
            case StepKind.StoreSlot or StepKind.ClearSlot:
                var value = step.Kind is StepKind.ClearSlot ? Known.Number(0) : state[Kept.A];
                if (value == Known.Number(0))
                {
                    value = state.Reported ? Known.Answer : default;
                }

                if (isIt || (known.IsBelow && value != default))
                {
                    (state.Slot, state.InSlot) = (slot, value);
                }

                break;
        }
    }

    private static void Compare(Known with, ref WalkState state)
    {
        state.Compared = with == Known.Answer ? (byte)3 : with == Known.Error ? (byte)4 : (byte)0;
        state.ComparedAt = 0;
    }
}
