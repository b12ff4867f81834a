namespace Harness.Model;

/// <summary>
/// A program translated once for the model's machine, to be run under many fault plans and schedules. Only for programs
/// that <see cref="Validator"/> accepts. Safe to use from several threads.
/// </summary>
public sealed class CompiledProgram
{
    private readonly Frame?[] _frames;
    private Machine? _idle;

    private CompiledProgram(ProgramCode code, CompiledFunction[] functions)
    {
        Program = code.Program;
        Defect = code.Defect;
        Functions = functions;
        Code = code.Instructions;
        Scalars = code.Scalars;
        Conditions = code.Conditions;
        Arguments = code.Arguments;
        Types = code.Types;
        EntryArguments = [.. Program.Fibers.Select(fiber => EntryValues(fiber, code))];
        OwnerOf = Owners();
        _frames = new Frame?[Code.Length];
        Classes = new CallClasses(Program);
    }

    public FiberProgram Program { get; }

    internal ModelDefect Defect { get; }

    internal CompiledFunction[] Functions { get; }

    internal Instruction[] Code { get; }

    internal CompiledScalar[] Scalars { get; }

    internal CompiledCondition[] Conditions { get; }

    internal CompiledArgument[][] Arguments { get; }

    internal ZigType[] Types { get; }

    /// <summary>Per fiber, the folded arguments of its entry function.</summary>
    internal Value[][] EntryArguments { get; }

    internal CallClasses Classes { get; }

    /// <summary>Per instruction, the function that it belongs to.</summary>
    internal int[] OwnerOf { get; }

    public static CompiledProgram Of(FiberProgram program) => Of(program, ModelDefect.None);

    /// <summary>As a model with a planted defect has it.</summary>
    internal static CompiledProgram Of(FiberProgram program, ModelDefect defect)
    {
        var code = new ProgramCode(program, defect);
        var functions = program.Functions.Select(function => FunctionCompiler.Compile(function, code)).ToArray();
        return new(code, functions);
    }

    /// <summary>
    /// What must happen; what is not kept of it is counted.
    /// A <see cref="FaultPlan.StackBudget"/> or <see cref="FaultPlan.SegmentAllocationFails"/> cannot be predicted: run
    /// the <see cref="FaultPlan.Delivered"/> that it turned out to be.
    /// </summary>
    public ExpectedRun Run(FaultPlan fault, Schedule schedule, Kept kept = Kept.Everything)
    {
        var machine = Interlocked.Exchange(ref _idle, null) ?? new Machine(this);
        var run = machine.Run(fault, schedule, kept);
        Volatile.Write(ref _idle, machine);
        return run;
    }

    /// <summary>
    /// Where each fiber is when its log has come to a digest: of one that gave way there, as it waits; of another, at the event itself. Null where the
    /// model's log never has that digest, or is still empty.
    /// </summary>
    public IReadOnlyList<FiberMoment?> MomentsAt(FaultPlan fault, Schedule schedule, IReadOnlyList<ulong> digests) =>
        new Machine(this).Moments(fault, schedule, digests);

    /// <summary>The frame of the function that is stopped in the instruction at <paramref name="at"/>.</summary>
    internal Frame FrameAt(int at)
    {
        if (_frames[at] is { } known)
        {
            return known;
        }

        var instruction = Code[at];
        var function = OwnerOf[at];
        var site = instruction.Op is Op.Checkpoint ? -1 : instruction.Site;
        var frame = new Frame.Transpiled(
            function, site, instruction.Shape is CallShape.Tail, Functions[function].MayBeInlined);
        _frames[at] = frame;
        return frame;
    }

    private static Value[] EntryValues(Fiber fiber, ProgramCode code)
    {
        var parameters = code.Program.Functions[fiber.Function].Parameters;
        return [.. parameters.Select((type, i) => new Value(code.FoldOf(type, fiber.Arguments[i]), Value.Folded))];
    }

    private int[] Owners()
    {
        var owners = new int[Code.Length];
        for (var function = 0; function < Functions.Length; function++)
        {
            var end = function + 1 < Functions.Length ? Functions[function + 1].Start : Code.Length;
            Array.Fill(owners, function, Functions[function].Start, end - Functions[function].Start);
        }

        return owners;
    }
}
