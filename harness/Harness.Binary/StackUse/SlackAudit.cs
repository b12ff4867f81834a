using System.Collections.Immutable;

namespace Harness.Binary.StackUse;

/// <summary>What the functions of a unit are held to, in the program it is linked into.</summary>
/// <param name="SlackBytes">What lies below the limit for those who do not ask (<c>slack_bytes</c> in zig-fixtures/runtime/abi.zig).</param>
/// <param name="Unsplit">The unit's functions without a check, and why.</param>
public sealed record SlackRequest(LimitSlot Limit, long SlackBytes, IReadOnlyDictionary<string, UnsplitReason> Unsplit)
{
    /// <summary>How many functions the unit has; null: as many as are found.</summary>
    public int? Functions { get; init; }

    /// <summary>Functions of the runtime that may be called, unchecked as they are; their use is computed like any other's.</summary>
    public IReadOnlyList<NamedRule> Runtime { get; init; } =
    [
        new("hs_*", "gates and stubs: all they do is change stacks"),
        new("__morestack", "what checks call"),
    ];

    /// <summary>
    /// Why nothing can be proven of some functions of a program written by hand: texts that findings about them have (several with <c>|</c> between
    /// them), each with the reason why that is so. Each has to be met: one that has nothing to say any more is a finding.
    /// </summary>
    public IReadOnlyList<NamedRule> Unproven { get; init; } = [];

    public StackRules Rules { get; init; } = StackRules.Default;
}

/// <summary>Something that is not as it has to be.</summary>
public sealed record SlackFinding(string Function, string Text)
{
    public override string ToString() => $"{Function} {Text}";
}

/// <summary>What an audit found.</summary>
/// <param name="Functions">Of the unit.</param>
/// <param name="Checked">Those that are only entered through a check.</param>
/// <param name="WorstBytes">The most that is used below the limit without asking.</param>
/// <param name="Chain">How: from the function whose check is passed to the last one that uses the rest.</param>
public sealed record SlackReport(
    int Functions, int Checked, long WorstBytes, ImmutableArray<ChainLink> Chain, ImmutableArray<SlackFinding> Findings)
{
    public bool Holds => Findings.IsEmpty;

    /// <summary>Functions of which nothing could be proven, for a reason that was stated.</summary>
    public ImmutableArray<string> Unproven { get; init; } = [];
}

/// <summary>
/// Proves, in a linked program and from its call graph, that what runs between one check and the next fits into what the runtime keeps
/// below the limit, and that each function of the unit is entered through a check unless it is on the list of those left out. Believes
/// nothing of what put the checks in.
/// </summary>
public sealed class SlackAudit
{
    /// <summary>The symbol of data that each unit defines.</summary>
    public const string UnitSymbol = "hs_unit";

    private const int MaxFindings = 20;
    private readonly SlackRequest _request;
    private readonly StackGraph _graph;
    private readonly List<CodeFunction> _unit;
    private readonly List<SlackFinding> _findings = [];
    private readonly HashSet<NamedRule> _stated = [];
    private readonly SortedSet<string> _unproven = new(StringComparer.Ordinal);

    /// <summary>Bodies behind thunks: who may enter them, a thunk and its way to morestack.</summary>
    private readonly Dictionary<ulong, HashSet<ulong>> _thunksOf = [];

    private SlackAudit(CodeImage image, SlackRequest request)
    {
        _request = request;
        _graph = new StackGraph(image, request.Rules with { Limit = request.Limit });
        var number = image.ObjectDefining(UnitSymbol);
        _unit = [.. image.Functions.Where(function => function.Object == number)];
        if (number == 0 || _unit.Count == 0)
        {
            throw image.File.Bad($"has no functions from an object that defines {UnitSymbol}");
        }

        if (image.LimitDistance(request.Limit) is null)
        {
            throw image.File.Bad($"has no variable {request.Limit} for the stack limit");
        }
    }

    /// <exception cref="InvalidDataException">The file is malformed, or not a program with a unit of this kind.</exception>
    public static SlackReport Run(ElfFile file, SlackRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new SlackAudit(CodeImage.Of(file), request).Run();
    }

    private SlackReport Run()
    {
        var image = _graph.Image;
        var uses = _unit.Select(function => _graph.Of(function.Start)).ToList();
        var pointers = _graph.PointerTargets(_unit);
        FindThunks(uses);
        var reached = _graph.Reach(_unit.Select(function => function.Start), pointers);
        var below = new BelowLimit(new StackBounds(_graph, BoundScope.UntilCheck, pointers));
        foreach (var use in reached)
        {
            CheckEntries(use);
        }

        foreach (var pointer in pointers.Where(_thunksOf.ContainsKey))
        {
            Complain(image.Containing(pointer)!.Name, "is reached by a pointer past its check");
        }

        var (worst, deepest) = (-1L, (FunctionUse?)null);
        foreach (var use in reached.Where(use => use.HasCheck))
        {
            if (CheckBelow(use, below) is var bytes && bytes > worst)
            {
                (worst, deepest) = (bytes, use);
            }
        }

        var split = uses.Count(use => use.HasCheck && !IsThunk(use) || _thunksOf.ContainsKey(use.Function.Start));
        var functions = uses.Count(use => !IsThunk(use));
        if (_request.Functions is { } expected && expected != functions)
        {
            Complain(image.Name, $"has {functions} functions of the unit, whose object has {expected}");
        }

        if (split == 0)
        {
            Complain(image.Name, $"has {functions} functions of the unit and no check");
        }

        foreach (var rule in _request.Unproven.Where(rule => !_stated.Contains(rule)))
        {
            // Not by Complain: the text has the rule's own in it.
            _findings.Add(new SlackFinding(image.Name, $"has nothing left that cannot be proven because of `{rule.Pattern}` ({rule.Reason}): strike the rule"));
        }

        return new SlackReport(functions, split, worst, deepest is null ? [] : below.Bound(deepest).Chain, [.. _findings]) { Unproven = [.. _unproven] };
    }

    private static bool IsThunk(FunctionUse use) => IsThunkOf("", use.Name);

    /// <param name="function">Of any, when empty.</param>
    private static bool IsThunkOf(string function, string name) => ThunkCode.Prefixes.Any(
        prefix => function.Length > 0 ? name == prefix + function : name.StartsWith(prefix, StringComparison.Ordinal));

    private void Complain(string function, string text)
    {
        if (_request.Unproven.FirstOrDefault(rule => rule.Pattern.Split('|').Any(part => text.Contains(part, StringComparison.Ordinal))) is { } rule)
        {
            _stated.Add(rule);
            _unproven.Add(function);
        }
        else if (_findings.Count < MaxFindings)
        {
            _findings.Add(new SlackFinding(function, text));
        }
    }

    private void FindThunks(List<FunctionUse> uses)
    {
        foreach (var thunk in uses.Where(use => IsThunk(use) && use.HasCheck))
        {
            foreach (var exit in thunk.Exits.Where(exit => exit is { Kind: ExitKind.Direct, IsChecked: true }))
            {
                if (exit.Name.Length > 0 && IsThunkOf(exit.Name, thunk.Name))
                {
                    if (!_thunksOf.TryGetValue(exit.Target, out var thunks))
                    {
                        _thunksOf[exit.Target] = thunks = [];
                    }

                    thunks.Add(thunk.Function.Start);
                }
            }
        }
    }

    /// <summary>That a function may be entered in the ways it is, and enters others in the ways they may be.</summary>
    private void CheckEntries(FunctionUse use)
    {
        var name = use.Name;
        var isUnits = use.Function.Object == _unit[0].Object;
        if (isUnits && !use.HasCheck && !_thunksOf.ContainsKey(use.Function.Start) && !_request.Unsplit.ContainsKey(name)
            && !_request.Runtime.Any(rule => rule.Fits(name)))
        {
            Complain(name, $"has no check, and is not on the list of those left out; it uses {use.Own} bytes of stack");
        }

        if (use.Problem is { } problem)
        {
            Complain(name, $"cannot be followed: {problem}");
        }

        foreach (var exit in use.Exits.Where(exit => exit.Kind is ExitKind.Direct))
        {
            if (_thunksOf.TryGetValue(exit.Target, out var thunks) && !thunks.Contains(use.Function.Start))
            {
                Complain(name, $"goes to {exit.Name} past its check, at 0x{exit.Site:x}");
            }
        }
    }

    /// <summary>That what is used below the limit, in the worst case, once a function's check is passed, is no more than there is.</summary>
    private long CheckBelow(FunctionUse use, BelowLimit below)
    {
        var (bytes, holds, _) = below.Worst(use);
        if (!holds)
        {
            Complain(use.Name, $"has no bound until the next check: {below.Bound(use).Without.FirstOrDefault()}");
        }
        else if (bytes > _request.SlackBytes)
        {
            var aligned = use.Alignment > 16 ? $" (its frame is aligned to {use.Alignment})" : "";
            Complain(use.Name, $"may use {bytes} bytes{aligned} below what its check found, and {_request.SlackBytes} are there: "
                + Text(below.Bound(use).Chain));
        }

        return bytes;
    }

    private static string Text(ImmutableArray<ChainLink> chain) => string.Join(" > ", chain.Select(link => $"{link.Name} {link.Bytes}"));
}
