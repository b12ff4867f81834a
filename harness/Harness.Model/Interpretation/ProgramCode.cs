namespace Harness.Model;

/// <summary>The machine's code of a whole program, while it is being written.</summary>
/// <param name="defect">What the model errs in.</param>
internal sealed class ProgramCode(FiberProgram program, ModelDefect defect)
{
    private readonly List<Instruction> _instructions = [];
    private readonly List<CompiledScalar> _scalars = [];
    private readonly List<CompiledCondition> _conditions = [];
    private readonly List<CompiledArgument[]> _arguments = [];
    private readonly List<ZigType> _types = [];
    private readonly Dictionary<ZigType, int> _typeIndices = [];
    private readonly Dictionary<(ZigType, ulong), ulong> _folds = [];

    public FiberProgram Program { get; } = program;

    public ModelDefect Defect { get; } = defect;

    /// <summary>Where the next instruction goes.</summary>
    public int Next => _instructions.Count;

    public Instruction[] Instructions => [.. _instructions];

    public CompiledScalar[] Scalars => [.. _scalars];

    public CompiledCondition[] Conditions => [.. _conditions];

    public CompiledArgument[][] Arguments => [.. _arguments];

    public ZigType[] Types => [.. _types];

    /// <summary>Appends, and gives the place for patching.</summary>
    public int Add(Instruction instruction)
    {
        _instructions.Add(instruction);
        return _instructions.Count - 1;
    }

    public void PatchA(int at, int target) => _instructions[at] = _instructions[at] with { A = target };

    public void PatchD(int at, int target) => _instructions[at] = _instructions[at] with { D = target };

    public int AddScalar(CompiledScalar scalar)
    {
        _scalars.Add(scalar);
        return _scalars.Count - 1;
    }

    public int AddCondition(CompiledCondition condition)
    {
        _conditions.Add(condition);
        return _conditions.Count - 1;
    }

    public int AddArguments(CompiledArgument[] arguments)
    {
        _arguments.Add(arguments);
        return _arguments.Count - 1;
    }

    public int TypeIndex(ZigType type)
    {
        if (!_typeIndices.TryGetValue(type, out var index))
        {
            index = _types.Count;
            _types.Add(type);
            _typeIndices.Add(type, index);
        }

        return index;
    }

    public ulong FoldOf(ZigType type, ulong seed)
    {
        if (!_folds.TryGetValue((type, seed), out var fold))
        {
            fold = Values.Fold(type, seed);
            _folds.Add((type, seed), fold);
        }

        return fold;
    }
}
