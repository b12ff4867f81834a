using Harness.Model;

namespace Harness.Generators;

/// <summary>
/// How big a program is: a natural number that every shrink candidate lowers, so shrinking ends. Functions and fibers
/// weigh most, then statements, then what they are made of; the plainest variant of each thing weighs nothing.
/// </summary>
public static class ProgramMeasure
{
    private const long Unit = 2_000;
    private const long Line = 100;

    public static long Of(FiberProgram program) =>
        program.Functions.Sum(Of) + program.Fibers.Sum(Of) + (Line * program.Mutexes);

    internal static long Of(ZigType type) =>
        type switch
        {
            ZigType.Void => 0,
            ZigType.Int { Bits: 64, Signed: false } => 1,
            ZigType.Int i => i.Signed ? 3 : 2,
            ZigType.Bool => 2,
            ZigType.Float or ZigType.Enum or ZigType.Slice => 4,
            ZigType.Vector v => 4 + v.Lanes + Of(v.Element),
            ZigType.Struct s => 4
                + (s.Layout is StructLayout.Auto ? 0 : 1)
                + (s.Align / 32)
                + s.Fields.Sum(field => 1 + Of(field)),
            ZigType.Union u => 5 + u.Variants.Sum(variant => 1 + Of(variant)),
            ZigType.Optional o => 4 + Of(o.Child),
            _ => 5,
        };

    private static long Of(Fiber fiber) =>
        Unit + fiber.Fuel + fiber.Arguments.Count(argument => argument != 0) + (fiber.StartsAtLaunch ? 0 : 1);

    private static long Of(Function function) =>
        Unit
        + (function.Kind is FunctionKind.Plain ? 0 : 10)
        + (function.NoInline ? 0 : 5)
        + (
            function.Errors switch
            {
                ErrorSet.Infallible => 0,
                ErrorSet.AnyError => 1,
                ErrorSet.Inferred => 2,
                ErrorSet.Explicit e => 3 + e.Errors.Count,
                _ => 0,
            }
        )
        + Of(function.Payload)
        + function.Parameters.Sum(type => 20 + Of(type))
        + StatementTree.All(function.Body).Sum(Of);

    private static long Of(Statement statement) =>
        Line
        + statement switch
        {
            Statement.Log s => Of(s.Value),
            Statement.Let s => Of(s.Type) + Of(s.Seed),
            Statement.Cell s => Of(s.Init),
            Statement.Store s => Of(s.Value),
            Statement.Buffer s => s.Words + s.Align + Of(s.Seed),
            Statement.Call s => FormOf(s.Form) + s.Arguments.Sum(Of) + Of(s.Handling) + (s.Result < 0 ? 0 : 2),
            Statement.TailCall s => 10 + s.Arguments.Sum(Of),
            Statement.ErrDefer => 1,
            Statement.ErrDeferCapture => 2,
            Statement.Loop s => 2 * s.Count,
            Statement.BreakIf s => Of(s.When),
            Statement.ContinueIf s => 1 + Of(s.When),
            Statement.If s => Of(s.When),
            Statement.Raise s => (int)s.Error,
            Statement.Return s => s.Value is ReturnValue.Made made ? Of(made.Seed) : 3,
            Statement.Acquire s => (int)s.Disposition is 1 ? 2 + (int)s.Kind : (int)s.Disposition + (int)s.Kind,
            Statement.Lock s => s.Mutex,
            Statement.Spawn s => s.Fiber,
            Statement.Join s => s.Fiber,
            Statement.Cancel s => s.Fiber,
            _ => 0,
        };

    private static long FormOf(CallForm form) => form is CallForm.Direct ? 0 : 3;

    private static long Of(Argument argument) => argument is Argument.Made made ? Of(made.Seed) : 3;

    private static long Of(Condition condition) => Of(condition.Value) + condition.Modulus + condition.Remainder;

    private static long Of(Handling handling) =>
        handling switch
        {
            Handling.Try => 1,
            Handling.CatchValue h => 2 + Of(h.Fallback),
            Handling.Rethrow => 6,
            Handling.Map h => 7 + (int)h.To,
            Handling.CatchBlock h => 10 + Of(h.Fallback),
            Handling.IfElse => 12,
            Handling.CatchSwitch h => 20 + Of(h.Fallback) + h.Cases.Sum(c => 5 + (int)c.Error),
            _ => 0,
        };

    private static long Of(Scalar scalar) =>
        scalar switch
        {
            Scalar.Const { Value: 0 } => 0,
            Scalar.Const => 1,
            Scalar.Add add => 1 + Of(add.Left) + Of(add.Right),
            _ => 2,
        };
}
