namespace Harness.Binary.StackUse;

/// <summary>
/// Which functions never return, so that what stands behind a call of them is not what runs next: those that are named, and those in
/// which every way ends in a trap or in a call of such a function. In doubt, a function returns.
/// </summary>
internal sealed class Returns(CodeImage image, StackRules rules, Landmarks landmarks, JumpTargets tables, Func<CodeFunction, Steps> stepsOf)
{
    /// <summary>A chain of functions that end in one another's calls; beyond it, they count as returning.</summary>
    private const int MaxNested = 12;

    private readonly Dictionary<ulong, bool> _known = [];
    private int _nested;

    /// <summary>An answer is being looked for: others may be given in doubt.</summary>
    public bool IsSearching => _nested > 0;

    public bool From(ulong target)
    {
        if (_known.TryGetValue(target, out var known))
        {
            return known;
        }

        if (image.Containing(target) is not { } function || function.Start != target)
        {
            return !rules.NeverReturning.Any(rule => rule.Fits(image.External(target) ?? ""));
        }

        if (rules.NeverReturning.Any(rule => rule.Fits(function.Name)))
        {
            return _known[target] = false;
        }

        if (_nested >= MaxNested)
        {
            return true;
        }

        _known[target] = true; // While it is looked at: of functions that call one another.
        _nested++;
        var returns = Search(stepsOf(function));
        if (--_nested == 0)
        {
            tables.ForgetDoubts();
        }

        return _known[target] = returns;
    }

    private bool Search(Steps steps)
    {
        var seen = new bool[steps.List.Length];
        var work = new Stack<int>();
        work.Push(0);
        while (work.TryPop(out var index))
        {
            for (; index < seen.Length && !seen[index]; index++)
            {
                seen[index] = true;
                if (Leaves(steps, steps.List[index], work))
                {
                    return true;
                }

                if (!GoesOn(steps.List[index]))
                {
                    break;
                }
            }

            if (index == seen.Length && (index == 0 || GoesOn(steps.List[^1])))
            {
                return true; // Runs on into what follows.
            }
        }

        return false;
    }

    /// <summary>Whether control may return from here; where it may go on elsewhere in the function is put on the list.</summary>
    private bool Leaves(Steps steps, in Step step, Stack<int> work)
    {
        switch (step.Kind)
        {
            case StepKind.Return:
                return true;
            case StepKind.JumpPointer:
                var places = tables.Of(steps, step.Address, this);
                foreach (var place in places)
                {
                    work.Push(steps.IndexAt(place));
                }

                return places.Count == 0;
            case StepKind.Call when IsMorestack(step):
                work.Push(steps.IndexAt(step.Next + 1));
                return false;
            case StepKind.Jump or (>= StepKind.BranchAbove and <= StepKind.Branch):
                var target = (ulong)step.Value;
                if (target >= steps.Function.Start && target < steps.Function.End)
                {
                    work.Push(steps.IndexAt(target));
                    return false;
                }

                return From(target);
            default:
                return false;
        }
    }

    private bool GoesOn(in Step step) => step.Kind switch
    {
        StepKind.Jump or StepKind.JumpPointer or StepKind.Return or StepKind.Trap => false,
        StepKind.Call => !IsMorestack(step) && From((ulong)step.Value),
        _ => true,
    };

    private bool IsMorestack(in Step step) =>
        landmarks.RoleOf((ulong)step.Value) is CallRole.LlvmMorestack or CallRole.SizedMorestack && landmarks.IsReturn(step.Next);
}
