using System.Collections.Immutable;

namespace Harness.Binary.StackUse;

/// <summary>What one function needs of a stack, its callees included.</summary>
/// <param name="Bytes">With its return address; without what has no bound, when something has none.</param>
/// <param name="UpfrontBytes">
/// Below its return address, so much that no check on the way fails; null: nobody knows. In code without checks the same as <paramref name="Bytes"/>, less the return address.
/// </param>
/// <param name="Chain">The worst case: each with its frame and the return address of its call; of the last all that it uses.</param>
/// <param name="Without">What has no bound, each once; empty: the bound holds.</param>
public sealed record EntryUsage(string Name, long Bytes, long? UpfrontBytes, ImmutableArray<ChainLink> Chain, ImmutableArray<Unbounded> Without)
{
    public const int ReturnAddressBytes = 8;

    public bool Holds => Without.IsEmpty;
}

/// <summary>What a file's entries need.</summary>
/// <param name="Functions">In the file.</param>
/// <param name="Walked">Of these those that the entries can reach.</param>
/// <param name="Checked">Of those, how many ask before they use stack.</param>
/// <param name="Lines">By the address of what has no bound: the source line, where debug information tells.</param>
public sealed record UsageReport(
    int Functions, int Walked, int Checked, ImmutableArray<EntryUsage> Entries, IReadOnlyDictionary<ulong, string> Lines)
{
    /// <summary>Of all entries, each once.</summary>
    public ImmutableArray<Unbounded> Without => [.. Entries.SelectMany(entry => entry.Without).Distinct()];
}

/// <summary>How much stack calls need, from the machine code of an object or a linked file: for <c>harness stack-usage</c> (docs/STACK-USAGE.md).</summary>
public sealed class StackUsage
{
    private readonly StackGraph _graph;
    private readonly StackBounds _whole;
    private readonly StackBounds _upfront;

    private StackUsage(ElfFile file, IReadOnlyCollection<string> pointers, StackRules? rules)
    {
        Image = CodeImage.Of(file);
        _graph = new StackGraph(Image, (rules ?? DefaultRules) with { Limit = ReserveAnalysis.LimitOf(file) });
        IReadOnlyCollection<ulong>? targets = pointers.Count > 0 ? [.. EntryNames.Of(Image, pointers).Select(function => function.Start)] : null;
        _whole = new StackBounds(_graph, BoundScope.Whole, targets);
        _upfront = new StackBounds(_graph, BoundScope.Upfront, targets);
    }

    /// <summary>What is known besides the code.</summary>
    public static StackRules DefaultRules { get; } = StackRules.Default with
    {
        Allowances = [new("hs_rt_misused", 0, "hs_fiber_yield looks first whether it is on the system stack, and calls it there only")],
        ExternalAllowances =
        [
            .. StackRules.Default.ExternalAllowances,
            new("__stack_chk_fail", 0, "ends the process, because the stack is overwritten already: no call of a program that goes on needs anything for it"),
        ],
    };

    /// <summary>The file's code.</summary>
    public CodeImage Image { get; }

    /// <param name="pointers">Names of functions to which calls by pointer may go; none: such calls have no bound.</param>
    /// <exception cref="InvalidDataException">The file is malformed or stripped, or has no function of a name.</exception>
    public static StackUsage Of(ElfFile file, IReadOnlyCollection<string>? pointers = null, StackRules? rules = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new StackUsage(file, pointers ?? [], rules);
    }

    /// <summary>What one function needs.</summary>
    /// <param name="address">Its first.</param>
    /// <exception cref="InvalidDataException">No function is there.</exception>
    public EntryUsage At(ulong address)
    {
        var bound = _whole.Of(address);
        var upfront = _upfront.Of(address);
        return new EntryUsage(
            PlainName(bound.Chain[0].Name), bound.Bytes + EntryUsage.ReturnAddressBytes, upfront.Holds ? upfront.Bytes : null, bound.Chain, bound.Without);
    }

    /// <summary>A function's own name: callers go to it through its check.</summary>
    public static string PlainName(string name) =>
        name.StartsWith(ThunkCode.SymbolPrefix, StringComparison.Ordinal) ? name[ThunkCode.SymbolPrefix.Length..] : name;

    /// <param name="entries">Names of functions; none: of an object those that others can call, of a linked file where it begins and its main.</param>
    /// <exception cref="InvalidDataException">No function of a name, or none to begin with.</exception>
    public UsageReport Report(IReadOnlyCollection<string> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var chosen = entries.Count > 0 ? EntryNames.Of(Image, entries) : EntryNames.Default(Image);
        var usages = chosen.Select(function => At(function.Start)).OrderByDescending(usage => usage.Bytes).ToImmutableArray();
        var reached = _graph.Reach(chosen.Select(function => function.Start));
        var sites = usages.SelectMany(usage => usage.Without).Select(reason => reason.Place).Where(place => place != 0).ToHashSet();
        return new UsageReport(Image.Functions.Count, reached.Count, reached.Count(use => use.HasCheck), usages, SourceLines.Of(Image, sites));
    }
}
