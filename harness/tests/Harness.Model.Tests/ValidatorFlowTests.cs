using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Rules of error sets and of handles; each test accepts one program and rejects its neighbours.</summary>
public class ValidatorFlowTests
{
    private static readonly Function Opener =
        Fallible(1, HandleType, Acquire(101, 0, Disposition.ErrDefer), ReturnLocal(0));

    private static readonly Function Risky = Fallible(2);

    [Fact]
    public void Raised_errors_are_user_errors_of_the_functions_set()
    {
        Accepts(Program(Fallible(0, Raise(1, ErrorName.Broken))));
        Accepts(Program(Fallible(0, Raise(1, ErrorName.Lost)) with { Errors = new ErrorSet.AnyError() }));
        Accepts(Program(Fallible(0, Raise(1, ErrorName.Lost)) with { Errors = new ErrorSet.Inferred() }));
        Rejects(Program(Fallible(0, Raise(1, ErrorName.Lost))), "raises Lost, which is not in the function's error set");
        Rejects(Program(Fallible(0, Raise(1, ErrorName.Injected))), "raises Injected, which is not the program's");
        Rejects(
            Program(Fallible(0, Call(1, 1, new Handling.Map(2, ErrorName.Lost))), Fallible(1)), "raises Lost, which is not in");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Errors_that_pass_through_are_contained_in_the_functions_set(int way)
    {
        Statement pass = way switch
        {
            0 => Call(1, 1, Try),
            1 => Call(1, 1, new Handling.Rethrow(2)),
            _ => Tail(1, 1),
        };
        ErrorSet narrow = new ErrorSet.Explicit([ErrorName.Broken]);
        ErrorSet wide = new ErrorSet.Explicit([ErrorName.Broken, ErrorName.Lost]);
        ErrorSet any = new ErrorSet.AnyError();
        ErrorSet inferred = new ErrorSet.Inferred();
        Accepts(With(wide, narrow));
        Accepts(With(any, wide));
        Accepts(With(any, any));
        Accepts(With(inferred, any));
        Accepts(With(wide, inferred, Raise(3, ErrorName.Lost)));
        Rejects(With(narrow, wide), "whose error set is not contained");
        Rejects(With(wide, any), "whose error set is not contained");
        Rejects(With(narrow, inferred, Raise(3, ErrorName.Lost)), "whose error set is not contained");
        Rejects(With(narrow, inferred, Call(3, 2, Try)), "whose error set is not contained");

        FiberProgram With(ErrorSet caller, ErrorSet callee, params Statement[] body) => Program(
            Fallible(0, pass) with { Errors = caller },
            Fallible(1, body) with { Errors = callee },
            Fallible(2) with { Errors = new ErrorSet.AnyError() });
    }

    [Fact]
    public void Switches_name_distinct_errors_of_the_callee()
    {
        Accepts(On([ErrorName.Broken, ErrorName.Refused], Fallible(1)));
        Accepts(On([ErrorName.Lost], Fallible(1) with { Errors = new ErrorSet.AnyError() }));
        Accepts(On([ErrorName.Lost], Fallible(1, Raise(9, ErrorName.Lost)) with { Errors = new ErrorSet.Inferred() }));
        Rejects(On([ErrorName.Broken, ErrorName.Broken], Fallible(1)), "a switch names an error twice");
        Rejects(On([ErrorName.Lost], Fallible(1)), "a switch on Lost, which function 1 cannot return");
        Rejects(On([ErrorName.Injected], Fallible(1) with { Errors = new ErrorSet.AnyError() }), "a switch on Injected");
        Rejects(On([ErrorName.Broken], Fallible(1) with { Errors = new ErrorSet.Inferred() }), "cannot return");

        // What cannot be reached adds nothing to an inferred set.
        Statement returns = If(Always, [Return()], Return());
        Accepts(On([ErrorName.Broken], Fallible(1, If(Always, [Return()]), Raise(9, ErrorName.Broken)) with { Errors = new ErrorSet.Inferred() }));
        Rejects(On([ErrorName.Broken], Fallible(1, returns, Raise(9, ErrorName.Broken)) with { Errors = new ErrorSet.Inferred() }), "cannot return");

        static FiberProgram On(ErrorName[] errors, Function callee) => Program(
            Fallible(0, Call(1, 1, new Handling.CatchSwitch(2, [.. errors.Select(e => new SwitchCase(e, []))], [], C(0)))), callee);
    }

    [Fact]
    public void Inferred_sets_are_not_on_a_cycle_nor_called_by_pointer()
    {
        var inferred = Fallible(1) with { Errors = new ErrorSet.Inferred() };
        Accepts(Program(Fallible(0, Call(1, 1, Try)), inferred));
        Rejects(
            Program(Fallible(0, Call(1, 1, Try)), inferred with { Body = [Fuel(Call(2, 0, Try))] }),
            "function 1: an inferred error set on a call cycle");
        Rejects(
            Program(Fallible(0, new Statement.Call(1, 1, CallForm.Pointer, [], Try, -1)), inferred), "cannot be called by pointer");
    }

    [Fact]
    public void Handles_of_calls_are_bound_and_have_no_fallback()
    {
        Accepts(Program(Fallible(0, Call(1, 1, Try, 0), Release(2, 0)), Opener));
        Accepts(Program(Fallible(0, Call(1, 1, new Handling.IfElse(3, [Release(2, 0)], []), 0)), Opener));
        Rejects(Program(Fallible(0, Call(1, 1, Try)), Opener), "discards a handle");
        Rejects(Program(Fallible(0, Call(1, 1, new Handling.CatchValue(C(0)), 0), Release(2, 0)), Opener), "a handle has no fallback");
    }

    [Fact]
    public void Handles_are_returned_from_functions_that_end_in_a_return()
    {
        Accepts(Program(Fallible(0), Opener));
        Rejects(Program(Fallible(0), Fallible(1, HandleType, Return())), "a handle cannot be made from a seed");
        Rejects(
            Program(Fallible(0), Fallible(1, HandleType, Acquire(1, 0, Disposition.ErrDefer), If(Always, [ReturnLocal(0)]), Release(2, 0))),
            "function 1: a function that returns a handle falls off its end");
        Rejects(Program(Fallible(0), Fallible(1, HandleType, Acquire(1, 0), ReturnLocal(0))), "is returned when it is not held");
    }

    [Fact]
    public void Manual_resources_are_released_in_their_block_before_anything_can_leave_it()
    {
        var manual = Acquire(1, 0, Disposition.Manual);
        Accepts(Program(Fallible(0, manual, Call(2, 2, CatchBlock(3)), Loop(1, 2, new Statement.BreakIf(Always)), Release(4, 0)), Opener, Risky));
        Rejects(Program(Fallible(0, manual, Call(2, 2, Try), Release(4, 0)), Opener, Risky), "site 1: a manual acquisition");
        Rejects(Program(Fallible(0, manual, Block(Release(4, 0))), Opener, Risky), "site 1: a manual acquisition");
        Rejects(Program(Fallible(0, Loop(1, 2, manual, new Statement.BreakIf(Always), Release(4, 0)))), "site 1: a manual acquisition");
        Rejects(Program(Fallible(0, manual)), "site 1: a manual acquisition");
    }

    [Fact]
    public void A_handle_is_released_once_on_every_way()
    {
        var open = Call(1, 1, Try, 0);
        Accepts(With(open, Defer(Release(2, 0)), Call(3, 2, Try)));
        Accepts(With(open, If(Always, [Release(2, 0)], Release(4, 0)), Call(3, 2, Try)));
        Accepts(With(Loop(1, 3, open, Defer(Release(2, 0)), new Statement.BreakIf(Always))));
        Accepts(With(open, ErrDefer(Release(2, 0)), Call(3, 2, Try), Release(4, 0)));
        Accepts(With(open, Defer(If(Always, [Release(2, 0)], Release(4, 0)))));
        Rejects(With(open), "handle local 0 is still held");
        Rejects(With(open, Call(3, 2, Try), Release(2, 0)), "site 3: handle local 0 is still held where its scope is left by an error");
        Rejects(With(open, Release(2, 0), Release(4, 0)), "site 4: handle local 0 is released when it is not held");
        Rejects(With(open, Defer(Release(2, 0)), Release(4, 0)), "released when it is not held");
        Rejects(With(open, If(Always, [Release(2, 0)])), "releases handle local 0, the other way does not");
        Rejects(With(open, Loop(1, 3, Release(2, 0))), "a round of the loop releases handle local 0");
        Rejects(With(open, Loop(1, 3, If(Always, [Release(2, 0), new Statement.BreakIf(Always), Return()]))), "leaving the loop releases");
        Rejects(With(open, ErrDefer(Release(2, 0))), "still held");
        Rejects(With(Acquire(3, 0), Release(2, 0)), "released when it is not held");
        Rejects(With(new Statement.Let(0, U64, C(1)), Release(2, 0)), "local 0 is not a handle");

        static FiberProgram With(params Statement[] body) => Program(Fallible(0, body), Opener, Risky);
    }

    [Fact]
    public void Mutexes_are_taken_by_lock_only() =>
        Rejects(Program(Fallible(0, Acquire(1, 0, kind: ResourceKind.Mutex))), "a mutex is taken by Lock");

    private static void Accepts(FiberProgram program) => ValidatorBodyTests.Accepts(program);

    private static void Rejects(FiberProgram program, params string[] messages) =>
        ValidatorBodyTests.Rejects(program, messages);
}
