namespace Harness.Binary.StackUse;

/// <summary>
/// The call graph of an image, walked as far as it is asked for: what each function does with the stack, and where it goes.
/// Not for several threads.
/// </summary>
public sealed class StackGraph
{
    private readonly StackRules _rules;
    private readonly Landmarks _landmarks;
    private readonly StepReader _reader;
    private readonly FunctionWalk _walk;
    private readonly Dictionary<ulong, Steps> _steps = [];
    private readonly Dictionary<ulong, FunctionUse> _uses = [];

    public StackGraph(CodeImage image, StackRules rules)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(rules);
        (Image, _rules) = (image, rules);
        _landmarks = new Landmarks(image, rules);
        _reader = new StepReader(image, rules.Limit is { } limit ? image.LimitDistance(limit) : null, rules.MaxInstructions);
        var tables = new JumpTargets(image, _landmarks);
        _walk = new FunctionWalk(image, rules, _landmarks, new Returns(image, rules, _landmarks, tables, StepsOf), tables, StepsOf);
    }

    public CodeImage Image { get; }

    public StackRules Rules => _rules;

    /// <summary>Functions walked until now.</summary>
    public int Walked => _uses.Count;

    /// <param name="address">Of a function, or inside one.</param>
    /// <exception cref="InvalidDataException">No function is there, or the image has more functions than the rules let be walked.</exception>
    public FunctionUse Of(ulong address)
    {
        if (!_uses.TryGetValue(address, out var use))
        {
            if (_uses.Count >= _rules.MaxFunctions)
            {
                throw new InvalidDataException($"{Image.Name}: more than {_rules.MaxFunctions} functions can be reached");
            }

            var function = Image.Containing(address) ?? throw new InvalidDataException($"{Image.Name}: no function is at 0x{address:x}");
            _uses.Add(address, use = _walk.Walk(address, function));
        }

        return use;
    }

    /// <summary>Everything that functions go to, themselves included, each once. What they call on other stacks is not among it.</summary>
    /// <param name="pointers">Where indirect calls may go; null: nowhere.</param>
    public IReadOnlyList<FunctionUse> Reach(IEnumerable<ulong> from, IReadOnlyCollection<ulong>? pointers = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        var seen = new HashSet<ulong>();
        var queue = new Queue<ulong>();
        var result = new List<FunctionUse>();
        void Add(ulong address)
        {
            if (seen.Add(address))
            {
                queue.Enqueue(address);
            }
        }

        foreach (var address in from)
        {
            Add(address);
        }

        while (queue.TryDequeue(out var address))
        {
            var use = Of(address);
            result.Add(use);
            foreach (var exit in use.Exits)
            {
                if (exit.Kind is ExitKind.Direct)
                {
                    Add(exit.Target);
                }
                else if (exit.Kind is ExitKind.Indirect)
                {
                    foreach (var target in pointers ?? [])
                    {
                        Add(target);
                    }
                }
            }
        }

        return result;
    }

    /// <summary>
    /// Those of some functions whose address stands in data, or is taken by the code of one of them: where their calls by pointer go, as long as
    /// nobody else hands them pointers to functions.
    /// </summary>
    public IReadOnlyList<ulong> PointerTargets(IReadOnlyCollection<CodeFunction> functions)
    {
        ArgumentNullException.ThrowIfNull(functions);
        var own = functions.Select(function => function.Start).ToHashSet();
        var taken = Image.PointedAtByData().Concat(functions.SelectMany(function => StepsOf(function).Taken));
        return [.. taken.Where(own.Contains).Distinct().Order()];
    }

    private Steps StepsOf(CodeFunction function)
    {
        if (!_steps.TryGetValue(function.Start, out var steps))
        {
            _steps.Add(function.Start, steps = _reader.Read(function));
        }

        return steps;
    }
}
