namespace Harness.Binary.StackUse;

/// <summary>What functions use below what their check found to be free, until the next check.</summary>
/// <param name="untilCheck">Of <see cref="BoundScope.UntilCheck"/>.</param>
internal sealed class BelowLimit(StackBounds untilCheck)
{
    /// <summary>The bytes, whether they are all, and the exit behind which the most is used; null: the function itself uses it.</summary>
    public (long Bytes, bool Holds, StackExit? Through) Worst(FunctionUse use)
    {
        var (most, holds, through) = (use.Checked, use.Problem is null, (StackExit?)null);
        foreach (var exit in use.Exits.Where(exit => exit.IsChecked))
        {
            var (bytes, bounded) = exit.Kind is ExitKind.Direct ? untilCheck.BytesOf(exit.Target) : Brief(Behind(use, exit));
            holds &= bounded;
            if (exit.Bytes + bytes > most)
            {
                (most, through) = (exit.Bytes + bytes, exit);
            }
        }

        return (Math.Max(most - (use.Guaranteed ?? 0), 0), holds, through);
    }

    /// <summary>The same, with the chain and with what has no bound.</summary>
    public StackBound Bound(FunctionUse use)
    {
        var (bytes, _, through) = Worst(use);
        var without = new HashSet<Unbounded>(use.Exits.Where(exit => exit.IsChecked).SelectMany(exit => Behind(use, exit).Without));
        if (Unbounded.Of(use) is { } problem)
        {
            without.Add(problem);
        }

        return through is { } exit
            ? new StackBound(bytes, [new ChainLink(use.Name, exit.Bytes), .. Behind(use, exit).Chain], [.. without])
            : new StackBound(bytes, [new ChainLink(use.Name, use.Checked)], [.. without]);
    }

    private static (long Bytes, bool Holds) Brief(StackBound bound) => (bound.Bytes, bound.Holds);

    private StackBound Behind(FunctionUse use, StackExit exit) => exit.Kind switch
    {
        ExitKind.Direct => untilCheck.Of(exit.Target),
        ExitKind.Indirect => untilCheck.ByPointer(use.Name, exit.Site),
        _ => untilCheck.OfExternal(use.Name, exit.Name),
    };
}
