using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>Fewer functions, and plainer signatures.</summary>
internal static class FunctionPasses
{
    private static readonly ZigType Word = new ZigType.Int(64, false);

    /// <summary>
    /// Functions gone, half of them at once down to one by one: a value stands for what they returned.
    /// </summary>
    public static IEnumerable<FiberProgram> Drop(FiberProgram program)
    {
        var count = program.Functions.Count;
        for (var size = Math.Max(1, count / 2); size >= 1; size /= 2)
        {
            for (var end = count; end > 0; end -= size)
            {
                yield return new CallDropper(program, Math.Max(0, end - size), end).Rewrite(program);
            }
        }
    }

    public static IEnumerable<FiberProgram> Empty(FiberProgram program) =>
        program
            .Functions.Where(function => function.Body.Count > 0)
            .Select(function => StatementEdits.WithBody(program, function.Id, []));

    /// <summary>Parameters with their arguments: all of a function's, then one at a time.</summary>
    public static IEnumerable<FiberProgram> DropParameters(FiberProgram program)
    {
        foreach (var function in program.Functions.Where(f => f.Kind is not FunctionKind.Callback))
        {
            var first = function.Kind is FunctionKind.Generic ? 1 : 0;
            var count = function.Parameters.Count;
            if (count - first > 1)
            {
                yield return WithoutParameters(program, function.Id, first, count - first);
            }

            for (var i = count - 1; i >= first; i--)
            {
                yield return WithoutParameters(program, function.Id, i, 1);
            }
        }
    }

    /// <summary>Declarations, all functions at once and then one by one.</summary>
    public static IEnumerable<FiberProgram> Plainer(FiberProgram program)
    {
        foreach (var plainer in Declarations())
        {
            yield return program with
            {
                Functions = program.Functions.Select(plainer).ToEquatableArray(),
            };
        }

        foreach (var function in program.Functions)
        {
            foreach (var plainer in Declarations())
            {
                yield return StatementEdits.WithFunction(program, plainer(function));
            }

            if (function.Errors is ErrorSet.Explicit set)
            {
                foreach (var error in set.Errors)
                {
                    var errors = new ErrorSet.Explicit(set.Errors.Where(e => e != error).ToEquatableArray());
                    yield return StatementEdits.WithFunction(program, function with { Errors = errors });
                }
            }
        }
    }

    /// <summary>Payloads and parameters, one by one.</summary>
    public static IEnumerable<FiberProgram> Types(FiberProgram program)
    {
        foreach (var function in program.Functions.Where(f => f.Kind is not FunctionKind.Callback))
        {
            yield return StatementEdits.WithFunction(program, function with { Payload = new ZigType.Void() });
            yield return StatementEdits.WithFunction(program, function with { Payload = Word });
            for (var i = 0; i < function.Parameters.Count; i++)
            {
                var parameters = function.Parameters.Select((type, at) => at == i ? Word : type).ToEquatableArray();
                yield return StatementEdits.WithFunction(program, function with { Parameters = parameters });
            }
        }
    }

    private static IEnumerable<Func<Function, Function>> Declarations() =>
        [
            function =>
                function.Kind is FunctionKind.Callback
                    ? function
                    : function with
                    {
                        Kind = FunctionKind.Plain,
                        Errors = Wider(function.Errors),
                        NoInline = true,
                    },
            function =>
                function.Kind is FunctionKind.Callback
                    ? function
                    : function with
                    {
                        Errors = new ErrorSet.Infallible(),
                    },
            function => function with { Errors = Wider(function.Errors) },
            function => function.Kind is FunctionKind.Callback ? function : function with { Kind = FunctionKind.Plain },
            function => function with { NoInline = true },
        ];

    private static ErrorSet Wider(ErrorSet errors) => errors is ErrorSet.Infallible ? errors : new ErrorSet.AnyError();

    private static FiberProgram WithoutParameters(FiberProgram program, int function, int first, int count)
    {
        var dropped = new ParameterDropper(function, first, count).Rewrite(program);
        return dropped with
        {
            Fibers = dropped
                .Fibers.Select(fiber =>
                    fiber.Function != function
                        ? fiber
                        : fiber with
                        {
                            Arguments = Without(fiber.Arguments, first, count),
                        }
                )
                .ToEquatableArray(),
        };
    }

    private static EquatableArray<T> Without<T>(EquatableArray<T> items, int first, int count) =>
        items.Where((_, i) => i < first || i >= first + count).ToEquatableArray();

    private sealed class ParameterDropper(int dropped, int first, int count) : ProgramRewriter
    {
        // Numbers of dropped parameters become numbers that no local has.
        private const int Far = 1_000_000;
        private bool _isInside;

        public override Function Rewrite(Function function)
        {
            _isInside = function.Id == dropped;
            return base.Rewrite(
                _isInside ? function with { Parameters = Without(function.Parameters, first, count) } : function
            );
        }

        protected override void Rewrite(Statement statement, List<Statement> into) =>
            base.Rewrite(
                statement switch
                {
                    Statement.Call s when s.Function == dropped => s with
                    {
                        Arguments = Without(s.Arguments, first, count),
                    },
                    Statement.TailCall s when s.Function == dropped => s with
                    {
                        Arguments = Without(s.Arguments, first, count),
                    },
                    _ => statement,
                },
                into
            );

        protected override int Declaration(int local) => Reference(local);

        protected override int Reference(int local) =>
            !_isInside || local < first ? local
            : local < first + count ? Far + local
            : local - count;
    }

    /// <summary>Puts values in the place of calls to functions in a range.</summary>
    private sealed class CallDropper(FiberProgram program, int start, int end) : ProgramRewriter
    {
        private const int Far = 1_000_000;
        private Function _function = program.Functions[0];

        public override Function Rewrite(Function function)
        {
            _function = function;
            var body = function.Body;
            foreach (
                var call in StatementTree
                    .All(body)
                    .OfType<Statement.Call>()
                    .Where(call => Drops(call.Function) && Owns(call))
            )
            {
                body = StatementEdits.WithoutReleases(body, call.Result);
            }

            return base.Rewrite(function with { Body = body });
        }

        protected override void Rewrite(Statement statement, List<Statement> into)
        {
            switch (statement)
            {
                case Statement.Call call when Drops(call.Function):
                    var value = Value(call);
                    var then = call.Handling is Handling.IfElse branch ? Body(branch.Then) : [];
                    if (then.Count > 0)
                    {
                        into.Add(new Statement.Block([.. value, .. then]));
                    }
                    else
                    {
                        into.AddRange(value);
                    }

                    break;
                case Statement.TailCall call when Drops(call.Function) && _function.Payload is ZigType.Handle:
                    into.Add(
                        new Statement.Acquire(call.Site, Far + call.Site, ResourceKind.HeapBlock, Disposition.ErrDefer)
                    );
                    into.Add(new Statement.Return(new ReturnValue.Local(Far + call.Site)));
                    break;
                case Statement.TailCall call when Drops(call.Function):
                    into.Add(new Statement.Return(new ReturnValue.Made(new Scalar.Const(0))));
                    break;
                default:
                    base.Rewrite(statement, into);
                    break;
            }
        }

        private bool Drops(int function) => function >= start && function < end;

        private bool Owns(Statement.Call call) => program.Functions[call.Function].Payload is ZigType.Handle;

        private List<Statement> Value(Statement.Call call)
        {
            if (!Owns(call))
            {
                return call.Result < 0
                    ? []
                    : [new Statement.Let(call.Result, program.Functions[call.Function].Payload, new Scalar.Const(0))];
            }

            var isReturned = StatementTree
                .All(_function.Body)
                .Any(s => s is Statement.Return { Value: ReturnValue.Local local } && local.Index == call.Result);
            return
            [
                new Statement.Acquire(
                    call.Site,
                    call.Result,
                    ResourceKind.HeapBlock,
                    isReturned ? Disposition.ErrDefer : Disposition.Defer
                ),
            ];
        }
    }
}
