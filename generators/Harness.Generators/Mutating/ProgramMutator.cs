using Harness.Generators.Building;
using Harness.Generators.Shrinking;
using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Mutating;

/// <summary>
/// Programs near a given one: a few small changes, each of which leaves a well-formed program that finishes and is no dearer than generated ones may be.
/// The same program and seed give the same result, for one <see cref="ProgramGenerator.Version"/>.
/// </summary>
public static class ProgramMutator
{
    private const int MostEdits = 3;
    private const int TriesPerEdit = 12;

    /// <summary>Types of every class that calling conventions tell apart.</summary>
    private static readonly ZigType[] _types =
    [
        new ZigType.Int(64, false), new ZigType.Bool(), new ZigType.Int(128, false), new ZigType.Int(256, true), new ZigType.Float(64), new ZigType.Float(80),
        new ZigType.Float(128), new ZigType.Vector(4, new ZigType.Int(32, false)), new ZigType.Vector(16, new ZigType.Float(32)), new ZigType.Slice(),
        new ZigType.Struct(StructLayout.Auto, [new ZigType.Int(64, false), new ZigType.Float(32)]),
        new ZigType.Struct(StructLayout.Extern, [new ZigType.Int(64, false), new ZigType.Int(64, true), new ZigType.Int(8, false)]),
        new ZigType.Struct(StructLayout.Auto, [new ZigType.Int(64, false)], 64), new ZigType.Optional(new ZigType.Int(48, false)),
        new ZigType.Union([new ZigType.Void(), new ZigType.Int(64, false), new ZigType.Float(64)]),
    ];

    /// <returns>The program itself when no change was found that could be made.</returns>
    public static FiberProgram Mutate(FiberProgram program, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(program);
        var choices = new Choices(seed, ProgramGenerator.DefaultSize);
        for (var edits = choices.Between(1, MostEdits); edits > 0; edits--)
        {
            for (var tries = 0; tries < TriesPerEdit; tries++)
            {
                var changed = Renumbering.Normalize(Repair.Of(Edit(program, choices)));
                if (changed != program && IsUsable(changed))
                {
                    program = changed;
                    break;
                }
            }
        }

        return program;
    }

    private static bool IsUsable(FiberProgram program)
    {
        if (Validator.Check(program).Count > 0 || program.Fibers.Any(fiber => StackEstimate.FiberBytes(program, fiber) > StackEstimate.FiberLimit))
        {
            return false;
        }

        var run = Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo, Kept.Counts);
        var most = program.Fibers.Any(fiber => fiber.Fuel >= 1_000) ? Trimmer.MaxDeepEntries : Trimmer.MaxEntries;
        return run.Ending is RunEnding.Finished && run.Entries <= most && run.ProbeCount <= Trimmer.MaxProbes + 1;
    }

    private static FiberProgram Edit(FiberProgram program, Choices choices) => choices.Between(0, 5) switch
    {
        0 => new TypeSwap(AnyTypeOf(program, choices), choices.Of(_types)).Rewrite(program),
        1 => WithFunction(program, choices, function => function with { NoInline = !function.NoInline }),
        2 => WithFunction(program, choices, function => function with { Kind = function.Kind is FunctionKind.Plain ? FunctionKind.Method : FunctionKind.Plain }),
        3 => AtStatement(program, choices, statement => statement is Statement.Call call ? [call with { Form = (CallForm)choices.Between(0, 2) }] : [statement]),
        4 => AtStatement(program, choices, statement => [New(choices), statement]),
        _ => AtStatement(program, choices, statement => [Wrapped(statement, choices)]),
    };

    private static FiberProgram WithFunction(FiberProgram program, Choices choices, Func<Function, Function> change) =>
        StatementEdits.WithFunction(program, change(choices.Of([.. program.Functions])));

    private static FiberProgram AtStatement(FiberProgram program, Choices choices, Func<Statement, IReadOnlyList<Statement>> change)
    {
        var function = choices.Of([.. program.Functions]);
        var all = StatementTree.All(function.Body).ToList();
        if (all.Count == 0)
        {
            return program;
        }

        var at = choices.Between(0, all.Count - 1);
        return StatementEdits.WithBody(program, function.Id, StatementEdits.Replace(function.Body, at, change(all[at])));
    }

    /// <summary>A statement that needs nothing around it. Sites and locals are numbered afterwards.</summary>
    private static Statement New(Choices choices)
    {
        Statement log = new Statement.Log(0, new Scalar.Const((ulong)choices.Between(0, 1000)));
        return choices.Between(0, 6) switch
        {
            0 => new Statement.Probe(0),
            1 => new Statement.Yield(0),
            2 => new Statement.Defer([log]),
            3 => new Statement.ErrDefer([log]),
            4 => new Statement.ErrDeferCapture(0, [log]),
            5 => new Statement.Acquire(0, FreeLocal, (ResourceKind)choices.Between(1, 3), Disposition.Defer),
            _ => log,
        };
    }

    /// <summary>Above every local of a generated function; renumbering gives it its own.</summary>
    private const int FreeLocal = 1 << 20;

    private static Statement Wrapped(Statement statement, Choices choices) => choices.Between(0, 2) switch
    {
        0 => new Statement.Loop(FreeLocal, choices.Between(2, 3), [statement]),
        1 => new Statement.Block([New(choices), statement]),
        _ => new Statement.Block([statement]),
    };

    private static ZigType AnyTypeOf(FiberProgram program, Choices choices)
    {
        var types = program.Functions.SelectMany(function => function.Parameters.Append(function.Payload)).Where(type => type.IsMakeable && type is not ZigType.Void).Distinct().ToList();
        return types.Count > 0 ? choices.Of(types) : new ZigType.Void();
    }

    /// <summary>One type in the place of another wherever it stands, so that what goes together still does.</summary>
    private sealed class TypeSwap(ZigType from, ZigType to) : ProgramRewriter
    {
        protected override ZigType Rewrite(ZigType type) => type == from ? to : type;
    }
}
