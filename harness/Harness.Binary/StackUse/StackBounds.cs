using System.Collections.Immutable;

namespace Harness.Binary.StackUse;

/// <summary>One function of a chain of calls.</summary>
/// <param name="Bytes">From its stack pointer at entry to that of the next in the chain; of the last: all that it uses itself.</param>
public readonly record struct ChainLink(string Name, long Bytes);

/// <summary>The worst that can lie on the stack below a function's return address.</summary>
/// <param name="Bytes">Without what has no bound, when something has none.</param>
/// <param name="Chain">How it comes about.</param>
/// <param name="Without">What has no bound, each once; empty: the bound holds.</param>
public sealed record StackBound(long Bytes, ImmutableArray<ChainLink> Chain, ImmutableArray<Unbounded> Without)
{
    public bool Holds => Without.IsEmpty;
}

/// <summary>How far calls are followed.</summary>
public enum BoundScope
{
    /// <summary>Until a check of the called function: what may be used of the stack without asking.</summary>
    UntilCheck,

    /// <summary>To the end, checks or not: what a call needs altogether, where it never splits.</summary>
    Whole,

    /// <summary>
    /// The same where the limit lies below all of it: no check fails, so ways into morestack are not taken; but each check must find what it looks for.
    /// </summary>
    Upfront,

    /// <summary>
    /// To the first checkpoint on each way, which on the reserve never lets pass; every function that asks may be given a new segment: besides
    /// what it uses, what is left of the segment before, which is less than it asked for, and what the new one loses by being aligned.
    /// </summary>
    Reserve,
}

/// <summary>
/// Longest chains over a call graph. Strongly connected parts have no bound, and are named; the rest is a sum over the deepest path.
/// </summary>
/// <param name="pointers">Where calls by pointer may go; null: they have no bound.</param>
public sealed class StackBounds(StackGraph graph, BoundScope scope, IReadOnlyCollection<ulong>? pointers = null)
{
    private const int MaxReasons = 64;

    /// <summary>A chain goes on to the functions where a pointer may lead: their node.</summary>
    private const ulong PointerNode = ulong.MaxValue;

    private readonly Dictionary<ulong, Node> _nodes = [];
    private readonly Stack<(ulong Id, Node Node, int Next)> _path = new();
    private readonly Stack<(ulong Id, Node Node)> _open = new();

    /// <summary>What a new segment loses at its top (entry_bytes in zig-fixtures/runtime/growth.zig).</summary>
    public const int EntryBytes = 72;

    private int _count;

    private sealed class Node(string name, long own, List<Edge> edges)
    {
        public string Name { get; } = name;

        /// <summary>The most there is below: of itself first, of its callees once they are done.</summary>
        public long Bytes { get; set; } = own;

        public long Own { get; } = own;

        public List<Edge> Edges { get; } = edges;

        public Edge? Best { get; set; }

        public HashSet<Unbounded> Without { get; } = [];

        public int Order { get; set; }

        public int Low { get; set; }

        public bool IsDone { get; set; }
    }

    private readonly record struct Edge(long Bytes, ulong Target);

    /// <summary>Of a function, by its address.</summary>
    /// <exception cref="InvalidDataException">As <see cref="StackGraph.Of"/>.</exception>
    public StackBound Of(ulong address)
    {
        var node = Resolve(address);
        var chain = ImmutableArray.CreateBuilder<ChainLink>();
        for (var at = node; ;)
        {
            chain.Add(new ChainLink(at.Name, at.Best?.Bytes ?? at.Own));
            if (at.Best is not { } best)
            {
                break;
            }

            at = _nodes[best.Target];
        }

        return new StackBound(node.Bytes, chain.ToImmutable(), [.. node.Without]);
    }

    /// <summary>Of a function that is not in the file.</summary>
    public StackBound OfExternal(string caller, string name) =>
        Allowance(graph.Rules.ExternalAllowances, name) is { } stated
            ? new StackBound(stated.Bytes, [new ChainLink(name, stated.Bytes)], [])
            : new StackBound(0, [], [new Unbounded.ExternalCall(caller, name, 0)]);

    /// <summary>Of whatever the pointer may lead to that a function calls.</summary>
    public StackBound ByPointer(string caller, ulong site) =>
        pointers is null ? new StackBound(0, [], [new Unbounded.IndirectCall(caller, site)]) : Of(PointerNode);

    /// <summary>As <see cref="Of"/>, without the chain.</summary>
    public (long Bytes, bool Holds) BytesOf(ulong address)
    {
        var node = Resolve(address);
        return (node.Bytes, node.Without.Count == 0);
    }

    /// <summary>Strongly connected parts in the order of their ends, without calling itself: chains may be as long as the image.</summary>
    private Node Resolve(ulong address)
    {
        if (_nodes.TryGetValue(address, out var known))
        {
            return known;
        }

        Open(address);
        while (_path.TryPop(out var at))
        {
            var (id, node, next) = at;
            if (next > 0)
            {
                node.Low = Math.Min(node.Low, LowOf(node.Edges[next - 1].Target));
            }

            var goesDeeper = false;
            for (; next < node.Edges.Count; next++)
            {
                var target = node.Edges[next].Target;
                if (!_nodes.TryGetValue(target, out var callee))
                {
                    _path.Push((id, node, next + 1));
                    Open(target);
                    goesDeeper = true;
                    break;
                }

                node.Low = callee.IsDone ? node.Low : Math.Min(node.Low, callee.Order);
            }

            if (!goesDeeper && node.Low == node.Order)
            {
                Close(id);
            }
        }

        return _nodes[address];
    }

    private int LowOf(ulong id) => _nodes[id] is { IsDone: false } node ? node.Low : int.MaxValue;

    private void Open(ulong id)
    {
        var node = id == PointerNode ? PointerTargets() : NodeOf(graph.Of(id));
        node.Order = node.Low = _count++;
        _nodes.Add(id, node);
        _path.Push((id, node, 0));
        _open.Push((id, node));
    }

    private Node PointerTargets()
    {
        var node = new Node("a function by pointer", 0, [.. (pointers ?? []).Select(target => new Edge(PointerCost(target), target))]);
        if (pointers is null or { Count: 0 })
        {
            node.Without.Add(new Unbounded.NotFollowed(node.Name, "no function's address is taken"));
        }

        return node;
    }

    private long PointerCost(ulong target) => SplitCost(new StackExit(ExitKind.Direct, 0, target, "", 0, false, false));

    private Node NodeOf(FunctionUse use)
    {
        var edges = new List<Edge>(use.Exits.Count);
        if (Allowance(graph.Rules.Allowances, use.Name) is { } stated)
        {
            return new Node(use.Name, stated.Bytes, edges);
        }

        var node = new Node(use.Name, OwnOf(use), edges);
        if (Unbounded.Of(use) is { } problem)
        {
            node.Without.Add(problem);
        }

        foreach (var exit in use.Exits.Where(Counts))
        {
            AddEdge(node, exit);
        }

        return node;
    }

    private long OwnOf(FunctionUse use) => scope switch
    {
        BoundScope.UntilCheck => use.Unchecked,
        BoundScope.Upfront => Math.Max(use.Own, use.Guaranteed ?? 0),
        _ => use.Own,
    };

    private static StackAllowance? Allowance(IReadOnlyList<StackAllowance> list, string name) =>
        list.FirstOrDefault(a => new NamedRule(a.Name, a.Reason).Fits(name));

    private bool Counts(StackExit exit) => scope switch
    {
        BoundScope.UntilCheck => !exit.IsChecked,
        BoundScope.Reserve => !exit.IsReported,
        BoundScope.Upfront => !graph.Rules.IsMorestack(exit.Name),
        _ => true,
    };

    /// <summary>What a split before the called function may cost besides the function itself.</summary>
    private long SplitCost(StackExit exit)
    {
        var callee = scope is BoundScope.Reserve ? graph.Of(exit.Target) : null;
        return callee is { Stated: { } stated } ? CostOf(callee, stated, exit.Bytes) : 0;
    }

    /// <param name="callerBytes">Where nothing says how many arguments there are, as much of the caller's frame goes along.</param>
    private static long CostOf(FunctionUse callee, long stated, long callerBytes) => stated + (callee.Arguments ?? callerBytes) + EntryBytes;

    /// <summary>What the reserve must have when a function is the first that does not fit into what was before.</summary>
    public (long Bytes, bool Holds) FirstOnReserve(FunctionUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        var (bytes, holds) = BytesOf(use.Function.Start);
        const long unknownArguments = 1024;
        return (bytes + CostOf(use, use.Stated ?? 0, unknownArguments), holds);
    }

    private void AddEdge(Node node, StackExit exit)
    {
        switch (exit.Kind)
        {
            case ExitKind.Direct:
                node.Edges.Add(new Edge(exit.Bytes + SplitCost(exit), exit.Target));
                break;
            case ExitKind.Indirect when pointers is not null:
                node.Edges.Add(new Edge(exit.Bytes, PointerNode));
                break;
            case ExitKind.Indirect:
                node.Without.Add(new Unbounded.IndirectCall(node.Name, exit.Site));
                node.Bytes = Math.Max(node.Bytes, exit.Bytes);
                break;
            case ExitKind.External when Allowance(graph.Rules.ExternalAllowances, exit.Name) is { } stated:
                node.Bytes = Math.Max(node.Bytes, exit.Bytes + stated.Bytes);
                break;
            default:
                node.Without.Add(new Unbounded.ExternalCall(node.Name, exit.Name, exit.Site));
                node.Bytes = Math.Max(node.Bytes, exit.Bytes);
                break;
        }
    }

    /// <summary>The strongly connected part that ends with a node.</summary>
    private void Close(ulong id)
    {
        var part = new List<(ulong Id, Node Node)>();
        do
        {
            part.Add(_open.Pop());
        }
        while (part[^1].Id != id);

        var inside = part.Select(p => p.Id).ToHashSet();
        var recursive = part.Count > 1 || part[0].Node.Edges.Any(edge => edge.Target == id);
        var reasons = new HashSet<Unbounded>();
        if (recursive)
        {
            reasons.Add(new Unbounded.Recursion([.. part.Where(p => p.Id != PointerNode).Select(p => p.Node.Name).Order(StringComparer.Ordinal)])
            {
                Cycle = [.. ShortestCycle.Of([.. inside], at => _nodes[at].Edges.Select(edge => edge.Target)).Select(at => _nodes[at].Name)],
            });
        }

        foreach (var (_, node) in part)
        {
            reasons.UnionWith(node.Without);
            foreach (var edge in node.Edges.Where(edge => !inside.Contains(edge.Target)))
            {
                var callee = _nodes[edge.Target];
                reasons.UnionWith(callee.Without.Take(MaxReasons - Math.Min(reasons.Count, MaxReasons)));
                if (edge.Bytes + callee.Bytes > node.Bytes)
                {
                    (node.Bytes, node.Best) = (edge.Bytes + callee.Bytes, edge);
                }
            }
        }

        foreach (var (_, node) in part)
        {
            node.Without.UnionWith(reasons);
            node.IsDone = true;
        }
    }
}
