using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Rules of bodies and calls; each test accepts one program and rejects its neighbours.</summary>
public class ValidatorBodyTests
{
    [Fact]
    public void Sites_are_unique_in_the_program()
    {
        Accepts(Program(Infallible(0, Log(1), Log(2)), Infallible(1, Log(3))));
        Rejects(Program(Infallible(0, Log(1)), Infallible(1, Log(1))), "function 1, site 1: the site is used twice");
        Rejects(
            Program(Fallible(0, Call(1, 1, CatchBlock(1))), Fallible(1)), "function 0, site 1: the site is used twice");
        Rejects(Program(Infallible(0, Log(-1))), "a site is negative");
    }

    [Fact]
    public void Locals_are_declared_once_before_use_and_in_scope()
    {
        var let = new Statement.Let(0, U64, C(1));
        Accepts(Program(Infallible(0, let, Log(1, Fold(0)), Block(Log(2, Fold(0)), new Statement.Let(1, U64, C(1))))));
        Rejects(Program(Infallible(0, Log(1, Fold(0)), let)), "function 0, site 1: local 0 is not in scope");
        Rejects(Program(Infallible(0, Block(let), Log(1, Fold(0)))), "local 0 is not in scope");
        Rejects(Program(Infallible(0, Block(let), Block(let))), "function 0, Let: local 0 is declared twice");
        Rejects(Program(Infallible(0, new Statement.Let(1, U64, Fold(1)))), "local 1 is not in scope");
        Rejects(Program(Infallible(0, Loop(0, 2), Log(1, new Scalar.LoopIndex(0)))), "local 0 is not in scope");
    }

    [Fact]
    public void Result_of_an_IfElse_is_in_scope_in_then_only()
    {
        var callee = Fallible(1, U64, Return());
        Accepts(Program(Fallible(0, Call(1, 1, new Handling.IfElse(2, [Log(3, Fold(0))], []), 0)), callee));
        Rejects(Program(Fallible(0, Call(1, 1, new Handling.IfElse(2, [], [Log(3, Fold(0))]), 0)), callee), "site 3: local 0 is not");
        Rejects(Program(Fallible(0, Call(1, 1, new Handling.IfElse(2, [], []), 0), Log(3, Fold(0))), callee), "local 0 is not");
    }

    [Fact]
    public void Scalars_read_what_they_may()
    {
        var buffer = new Statement.Buffer(0, 8, 8, C(1));
        Accepts(Program(Infallible(0, buffer, new Statement.CheckBuffer(1, 0), Loop(1, 2, Log(2, new Scalar.LoopIndex(1))))));
        Rejects(Program(Infallible(0, buffer, Log(1, Fold(0)))), "a buffer, cannot be folded");
        Rejects(Program(Infallible(0, Loop(0, 2, Log(1, Fold(0))))), "a loop's index, is read by LoopIndex");
        Rejects(Program(Infallible(0, buffer, Log(1, new Scalar.LoopIndex(0)))), "local 0 is not the index of a loop");
        Rejects(Program(Infallible(0, new Statement.Let(0, U64, C(1)), new Statement.CheckBuffer(1, 0))), "local 0 is not a buffer");
        var deep = Enumerable.Range(0, 16).Aggregate(C(0), (sum, _) => new Scalar.Add(sum, C(1)));
        Accepts(Program(Infallible(0, Log(1, deep))));
        Rejects(Program(Infallible(0, Log(1, new Scalar.Add(deep, C(1))))), "scalars nest deeper than 16");
    }

    [Fact]
    public void Stores_go_to_cells_and_cell_pointers()
    {
        Accepts(Program(Infallible(0, new Statement.Cell(0, C(1)), new Statement.Store(0, C(2)))));
        Accepts(Program(Infallible(0), Infallible(1, new Statement.Store(0, C(2))) with { Parameters = [Pointer] }));
        Rejects(Program(Infallible(0, new Statement.Let(0, U64, C(1)), new Statement.Store(0, C(2)))), "local 0 is not a cell");
    }

    [Fact]
    public void Buffers_loops_and_conditions_have_limits()
    {
        Accepts(Program(Infallible(0, new Statement.Buffer(0, 16_384, 4096, C(1)), Loop(1, 16, If(new(C(1), 64, 63), [])))));
        Rejects(Program(Infallible(0, new Statement.Buffer(0, 7, 8, C(1)))), "a buffer of 7 words");
        Rejects(Program(Infallible(0, new Statement.Buffer(0, 8, 24, C(1)))), "a buffer of alignment 24");
        Rejects(Program(Infallible(0, new Statement.Buffer(0, 8, 8192, C(1)))), "a buffer of alignment 8192");
        Rejects(Program(Infallible(0, Loop(0, 17))), "a loop of 17 rounds");
        Rejects(Program(Infallible(0, If(new(C(1), 65, 0), []))), "modulus 65 (1 to 64)");
        Rejects(Program(Infallible(0, If(new(C(1), 3, 3), []))), "remainder 3 of modulus 3");
    }

    [Fact]
    public void Nothing_stands_behind_a_return_raise_or_tail_call()
    {
        Accepts(Program(Infallible(0, Block(Return()), Log(1)), Infallible(1)));
        Rejects(Program(Infallible(0, Return(), Log(1))), "site 1: stands behind a return, raise or tail call");
        Rejects(Program(Fallible(0, Raise(1, ErrorName.Broken), Log(2))), "site 2: stands behind");
        Rejects(Program(Infallible(0, Tail(1, 1), Log(2)), Infallible(1)), "site 2: stands behind");
    }

    [Fact]
    public void Deferred_bodies_do_not_leave()
    {
        var callee = Fallible(1);
        Accepts(Program(Fallible(0, Defer(Call(1, 1, CatchBlock(2)), Loop(0, 3, new Statement.BreakIf(Always)))), callee));
        Rejects(Program(Fallible(0, Defer(Return())), callee), "a return inside a defer");
        Rejects(Program(Fallible(0, Defer(Raise(1, ErrorName.Broken))), callee), "a raise inside a defer");
        Rejects(Program(Fallible(0, Defer(Call(1, 1, Try))), callee), "an error leaves a defer");
        Rejects(Program(Fallible(0, ErrDefer(Block(Call(1, 1, new Handling.Rethrow(2))))), callee), "an error leaves a defer");
        Rejects(Program(Fallible(0, Capture(3, Call(1, 1, new Handling.Map(2, ErrorName.Broken)))), callee), "an error leaves a defer");
        Rejects(Program(Fallible(0, Defer(Tail(1, 1))), callee), "a tail call inside a defer");
        Rejects(Program(Fallible(0, Defer(Join(1, 0))), callee), "a join inside a defer");
        Rejects(Program([Fiber(0)], 1, Fallible(0, Defer(Lock(1, 0, 0)))), "a lock inside a defer");
        Rejects(Program(Fallible(0, Loop(0, 2, Defer(new Statement.BreakIf(Always)))), callee), "no loop around it");
    }

    [Fact]
    public void Breaks_and_continues_have_a_loop_around_them()
    {
        Accepts(Program(Infallible(0, Loop(0, 2, Block(new Statement.ContinueIf(Always))))));
        Rejects(Program(Infallible(0, new Statement.ContinueIf(Always))), "function 0, ContinueIf: no loop around it");
    }

    [Fact]
    public void Errors_stay_in_fallible_functions()
    {
        var callee = Fallible(1);
        Accepts(Program([Fiber(0)], 1, Fallible(0, ErrDefer(), Capture(1), Lock(2, 0, 0), Join(3, 0), Call(4, 1, Try)), callee));
        Rejects(Program(Infallible(0, ErrDefer())), "an errdefer in an infallible function");
        Rejects(Program(Infallible(0, Capture(1))), "an errdefer in an infallible function");
        Rejects(Program(Infallible(0, Acquire(1, 0, Disposition.ErrDefer), Release(2, 0))), "an errdefer in an infallible");
        Rejects(Program([Fiber(0)], 1, Infallible(0, Lock(1, 0, 0))), "a lock in an infallible function");
        Rejects(Program(Infallible(0, Join(1, 0))), "a join in an infallible function");
        Rejects(Program(Infallible(0, Raise(1, ErrorName.Broken))), "a raise in an infallible function");
        Rejects(Program(Infallible(0, Call(1, 1, Try)), callee), "returning an error in an infallible function");
    }

    [Fact]
    public void Fallible_calls_are_handled_and_infallible_ones_plain()
    {
        Accepts(Program(Fallible(0, Call(1, 1, Try), Call(2, 2)), Fallible(1), Infallible(2)));
        Rejects(Program(Fallible(0, Call(1, 1)), Fallible(1)), "a fallible callee needs a handling");
        Rejects(Program(Fallible(0, Call(1, 1, Try)), Infallible(1)), "an infallible callee is called plainly");
    }

    [Fact]
    public void Arguments_fit_the_parameters()
    {
        var callee = Infallible(1) with { Parameters = [U64, Pointer, Slice] };
        Statement[] locals = [new Statement.Let(0, U64, C(1)), new Statement.Cell(1, C(1)), new Statement.Buffer(2, 8, 8, C(1))];
        Accepts(With(new Argument.Local(0), new Argument.Local(1), new Argument.Local(2)));
        Accepts(With(new Argument.Made(C(1)), new Argument.Local(1), new Argument.Made(C(1))));
        Rejects(With(new Argument.Local(0), new Argument.Local(1)), "2 arguments for the 3 parameters of function 1");
        Rejects(With(new Argument.Made(C(1)), new Argument.Made(C(1)), new Argument.Local(2)), "argument 1 is a CellPointer");
        Rejects(With(new Argument.Local(1), new Argument.Local(1), new Argument.Local(2)), "argument 0, local 1, is not a Int");
        Rejects(With(new Argument.Local(0), new Argument.Local(0), new Argument.Local(2)), "argument 1, local 0, is not a CellPointer");
        Rejects(With(new Argument.Local(0), new Argument.Local(1), new Argument.Local(0)), "argument 2, local 0, is not a Slice");
        Rejects(With(new Argument.Local(0), new Argument.Local(1), new Argument.Local(9)), "local 9 is not in scope");

        FiberProgram With(params Argument[] arguments) =>
            Program(Infallible(0, [.. locals, Call(1, 1, Plain, -1, arguments)]), callee);
    }

    [Fact]
    public void Results_have_a_payload_and_returned_locals_its_type()
    {
        Accepts(Program(Infallible(0, Call(1, 1, Plain, 0), Call(2, 1)), Infallible(1, Return()) with { Payload = U64 }));
        Rejects(Program(Infallible(0, Call(1, 1, Plain, 0)), Infallible(1)), "binds a void result");
        Accepts(Program(Fallible(0, U64, new Statement.Let(0, U64, C(1)), ReturnLocal(0))));
        Rejects(Program(Fallible(0, U64, new Statement.Let(0, Slice, C(1)), ReturnLocal(0))), "not of the payload's type");
        Rejects(Program(Fallible(0, U64, new Statement.Cell(0, C(1)), ReturnLocal(0))), "not of the payload's type");
    }

    [Fact]
    public void A_slice_of_a_frame_does_not_outlive_it()
    {
        var identity = Infallible(1, ReturnLocal(0)) with { Parameters = [Slice], Payload = Slice };
        var buffer = new Statement.Buffer(0, 8, 8, C(1));
        var call = Call(1, 1, Plain, 1, new Argument.Local(0));
        Accepts(Program(Infallible(0, buffer, call, Log(2, Fold(1))), identity));
        Accepts(Program(
            Infallible(0, Call(1, 1, Plain, 1, new Argument.Made(C(1))), ReturnLocal(1)) with { Payload = Slice }, identity));
        Rejects(Program(Infallible(0, buffer, call, ReturnLocal(1)) with { Payload = Slice }, identity), "may point into this");
        Rejects(
            Program(Infallible(0, buffer, Tail(1, 1, new Argument.Local(0))) with { Payload = Slice }, identity), "points into the frame");
        Rejects(
            Program(Infallible(0, buffer, call, Tail(2, 1, new Argument.Local(1))) with { Payload = Slice }, identity),
            "points into the frame");
    }

    [Fact]
    public void Calls_go_forward_except_under_fuel()
    {
        Accepts(Program(Infallible(0, Call(1, 1), Fuel(Block(Call(2, 0)))), Infallible(1, Fuel(Tail(3, 0)))));
        Rejects(Program(Infallible(0, Call(1, 0))), "site 1: calls function 0, a back edge, outside an IfFuel");
        Rejects(Program(Infallible(0), Infallible(1, Tail(1, 0))), "site 1: calls function 0, a back edge");
        Rejects(Program(Infallible(0, Call(1, 7))), "function 0, site 1: no function 7");
    }

    [Fact]
    public void Tail_calls_have_no_defer_pending_and_the_same_payload()
    {
        Accepts(Program(Fallible(0, Block(Defer(Log(1))), Tail(2, 1)), Fallible(1)));
        Accepts(Program(Fallible(0, Tail(2, 1)), Infallible(1)));
        Rejects(Program(Fallible(0, Defer(Log(1)), Tail(2, 1)), Fallible(1)), "a tail call with a defer pending");
        Rejects(Program(Fallible(0, ErrDefer(), If(Always, [Tail(2, 1)])), Fallible(1)), "a tail call with a defer pending");
        Rejects(Program([Fiber(0)], 1, Fallible(0, Lock(1, 0, 0), Tail(2, 1)), Fallible(1)), "a tail call with a defer pending");
        Rejects(Program(Fallible(0, Acquire(1, 0), Tail(2, 1)), Fallible(1)), "a tail call with a defer pending");
        Rejects(Program(Fallible(0, Tail(2, 1)), Fallible(1, U64, Return())), "another payload type");
        Rejects(Program(Infallible(0, Tail(2, 1)), Fallible(1)), "a fallible function in an infallible one");
    }

    [Fact]
    public void Call_forms_fit_the_callee()
    {
        var callback = Infallible(1) with { Kind = FunctionKind.Callback, Parameters = [Pointer] };
        var generic = Infallible(1) with { Kind = FunctionKind.Generic, Parameters = [U64] };
        Accepts(By(CallForm.Callback, callback, new Argument.Local(0)));
        Rejects(By(CallForm.Direct, callback, new Argument.Local(0)), "form Callback and callbacks go together");
        Rejects(By(CallForm.Callback, Infallible(1) with { Parameters = [Pointer] }, new Argument.Local(0)), "go together");
        Accepts(By(CallForm.NeverTail, generic, new Argument.Made(C(1))));
        Accepts(By(CallForm.Pointer, generic with { Kind = FunctionKind.Plain }, new Argument.Made(C(1))));
        Rejects(By(CallForm.Pointer, generic, new Argument.Made(C(1))), "cannot be called by pointer");
        Rejects(By(CallForm.Pointer, Infallible(1) with { Kind = FunctionKind.Method }), "cannot be called by pointer");
        Rejects(
            Program(Infallible(0, new Statement.Cell(0, C(0)), Tail(1, 1, new Argument.Local(0))), callback),
            "only called by form Callback");

        static FiberProgram By(CallForm form, Function callee, params Argument[] arguments) => Program(
            Infallible(0, new Statement.Cell(0, C(0)), new Statement.Call(1, 1, form, [.. arguments], Plain, -1)), callee);
    }

    [Fact]
    public void Numbers_name_existing_mutexes_and_fibers()
    {
        Accepts(Program([Fiber(0)], 1, Fallible(0, Lock(1, 0, 0), Spawn(2, 0), Cancel(3, 0), Join(4, 0))));
        Rejects(Program([Fiber(0)], 1, Fallible(0, Lock(1, 0, 1))), "no mutex 1");
        Rejects(Program(Fallible(0, Spawn(1, 1))), "no fiber 1");
        Rejects(Program(Fallible(0, Cancel(1, -1))), "no fiber -1");
        Rejects(Program(Fallible(0, Join(1, 1))), "no fiber 1");
    }

    internal static void Accepts(FiberProgram program) => Assert.Empty(Validator.Check(program));

    /// <summary>Every message must be among what the validator says.</summary>
    internal static void Rejects(FiberProgram program, params string[] messages)
    {
        var faults = Validator.Check(program);
        Assert.All(messages, message => Assert.Contains(faults, fault => fault.Contains(message, StringComparison.Ordinal)));
    }
}
