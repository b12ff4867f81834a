using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Rules of programs, fibers, signatures and types; each test accepts one program and rejects its neighbour.</summary>
public class ValidatorSignatureTests
{
    private static readonly Function Nothing = Infallible(0);

    [Fact]
    public void Ids_are_the_index_and_counts_have_limits()
    {
        Accepts(Program(Nothing, Infallible(1)));
        Rejects(Program(Nothing, Infallible(2)), "function 1: its id is 2");
        Rejects(Program(), "program: 0 functions (1 to 64)");
        Rejects(Program([.. Enumerable.Range(0, 65).Select(i => Infallible(i))]), "65 functions");
        Accepts(Program([.. Enumerable.Range(0, 64).Select(i => Infallible(i))]));
        Rejects(Program([], 0, Nothing), "program: 0 fibers (1 to 8)");
        Accepts(Program([.. Enumerable.Repeat(Fiber(0), 8)], 8, Nothing));
        Rejects(Program([.. Enumerable.Repeat(Fiber(0), 9)], 9, Nothing), "9 fibers", "9 mutexes (0 to 8)");
    }

    [Fact]
    public void A_fiber_calls_an_existing_function_with_an_argument_per_makeable_parameter()
    {
        var function = Infallible(0) with { Parameters = [U64] };
        Accepts(new([function], [new(0, [5], 0, true)], 0));
        Rejects(new([function], [new(0, [], 0, true)], 0), "fiber 0: 0 arguments for 1 parameters");
        Rejects(new([function], [new(1, [5], 0, true)], 0), "fiber 0: no function 1");
        Rejects(new([Infallible(0) with { Parameters = [Pointer] }], [new(0, [5], 0, true)], 0), "cannot be made from a seed");
        Rejects(
            Program(Fallible(0, HandleType, Acquire(1, 0, Disposition.ErrDefer), ReturnLocal(0))), "function 0 returns a handle");
    }

    [Fact]
    public void Fiber_0_starts_at_launch_and_fuel_has_a_limit()
    {
        Accepts(Program([Fiber(0, fuel: 20_000), Fiber(0, startsAtLaunch: false)], 0, Nothing));
        Rejects(Program([Fiber(0, startsAtLaunch: false)], 0, Nothing), "fiber 0: it must start at launch");
        Rejects(Program([Fiber(0, fuel: 20_001)], 0, Nothing), "fiber 0: fuel 20001");
    }

    [Fact]
    public void Error_sets_list_distinct_user_errors()
    {
        Accepts(WithErrors(ErrorName.Lost, ErrorName.Busy));
        Rejects(WithErrors(ErrorName.Lost, ErrorName.Lost), "names an error twice");
        Rejects(WithErrors(ErrorName.Injected), "names an error of the runtime");

        static FiberProgram WithErrors(params ErrorName[] errors) =>
            Program(Fallible(0) with { Errors = new ErrorSet.Explicit([.. errors]) });
    }

    [Fact]
    public void Callbacks_and_generics_have_their_shape()
    {
        var callback = Infallible(1) with { Kind = FunctionKind.Callback, Parameters = [Pointer] };
        Accepts(Program(Nothing, callback));
        Rejects(Program(Nothing, callback with { Parameters = [] }), "function 1: a callback is");
        Rejects(Program(Nothing, callback with { Parameters = [U64] }), "function 1: a callback is");
        Rejects(Program(Nothing, callback with { Payload = U64 }), "function 1: a callback is");
        Rejects(Program(Nothing, callback with { Errors = new ErrorSet.AnyError() }), "function 1: a callback is");

        var generic = Infallible(1) with { Kind = FunctionKind.Generic, Parameters = [U64, Pointer] };
        Accepts(Program(Nothing, generic));
        Rejects(Program(Nothing, generic with { Parameters = [Pointer] }), "function 1: a generic function");
        Rejects(Program(Nothing, generic with { Parameters = [] }), "function 1: a generic function");
    }

    [Fact]
    public void Types_stand_where_they_may()
    {
        Accepts(Program(Nothing, Infallible(1) with { Parameters = [Pointer, U64] }));
        Rejects(Program(Nothing, Infallible(1) with { Parameters = [NoValue] }), "function 1, parameter: void");
        Rejects(Program(Nothing, Infallible(1) with { Parameters = [HandleType] }), "function 1, parameter: a handle");
        Rejects(Program(Nothing, Infallible(1) with { Payload = Pointer }), "function 1, payload: a cell pointer");
        Rejects(Program(Nothing, Infallible(1) with { Payload = HandleType }), "only the payload of a fallible function");
        Accepts(Program(Infallible(0, new Statement.Let(0, Slice, C(1)))));
        Rejects(Program(Infallible(0, new Statement.Let(0, Pointer, C(1)))), "function 0, Let: CellPointer cannot be made");
        Rejects(Program(Infallible(0) with { Parameters = [.. Enumerable.Repeat(U64, 15)] }), "15 parameters (at most 14)");
    }

    public static TheoryData<ZigType, ZigType, string> Types => new()
    {
        { Int(1), Int(0), "an integer of 0 bits" },
        { Int(256), Int(257), "an integer of 257 bits" },
        { new ZigType.Float(80), new ZigType.Float(81), "a float of 81 bits" },
        { new ZigType.Vector(64, Int(7)), new ZigType.Vector(65, Int(7)), "a vector of 65 lanes" },
        { new ZigType.Vector(2, new ZigType.Float(16)), new ZigType.Vector(2, new ZigType.Bool()), "a vector of Bool" },
        { new ZigType.Enum(32), new ZigType.Enum(33), "an enum of 33 tags" },
        { Union(8), Union(9), "a union of 9 variants" },
        { Union(1), Union(0), "a union of 0 variants" },
        { new ZigType.Optional(Slice), new ZigType.Optional(NoValue), "an optional of void" },
        { new ZigType.Optional(Union(1)), new ZigType.Optional(new ZigType.Optional(U64)), "or of an optional" },
        { Struct(StructLayout.Auto, U64), Struct(StructLayout.Auto), "a struct of 0 fields" },
        { Struct(StructLayout.Auto, U64), Struct(StructLayout.Auto, NoValue), "Void inside a type" },
        { Struct(StructLayout.Auto, Slice), Struct(StructLayout.Auto, HandleType), "Handle inside a type" },
        { Struct(StructLayout.Extern, Int(16)), Struct(StructLayout.Extern, Int(17)), "a field of Int in a Extern struct" },
        { Struct(StructLayout.Extern, new ZigType.Float(64)), Struct(StructLayout.Extern, new ZigType.Float(80)), "a field of Float" },
        { Struct(StructLayout.Packed, Int(127), new ZigType.Bool()), Struct(StructLayout.Packed, Int(128), new ZigType.Bool()), "129 bits" },
        { Struct(StructLayout.Packed, Int(1)), Struct(StructLayout.Packed, new ZigType.Float(32)), "a field of Float in a Packed" },
        { new ZigType.Struct(StructLayout.Auto, [U64], 64), new ZigType.Struct(StructLayout.Auto, [U64], 16), "of alignment 16" },
        { new ZigType.Struct(StructLayout.Extern, [U64], 32), new ZigType.Struct(StructLayout.Packed, [U64], 32), "of alignment 32" },
        { Nested(8), Nested(9), "types nest deeper than 8" },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Types_keep_their_limits(ZigType accepted, ZigType rejected, string message)
    {
        Accepts(Program(Infallible(0, new Statement.Let(0, accepted, C(1)))));
        Rejects(Program(Infallible(0, new Statement.Let(0, rejected, C(1)))), message);
        Rejects(Program(Nothing, Infallible(1) with { Parameters = [rejected] }), message);
        Rejects(Program(Nothing, Infallible(1) with { Payload = rejected }), message);
    }

    private static void Accepts(FiberProgram program) => ValidatorBodyTests.Accepts(program);

    private static void Rejects(FiberProgram program, params string[] messages) =>
        ValidatorBodyTests.Rejects(program, messages);

    private static ZigType Int(int bits) => new ZigType.Int(bits, true);

    private static ZigType Union(int variants) => new ZigType.Union([.. Enumerable.Repeat(NoValue, variants)]);

    private static ZigType Struct(StructLayout layout, params ZigType[] fields) => new ZigType.Struct(layout, [.. fields]);

    private static ZigType Nested(int depth) => depth == 1 ? U64 : Struct(StructLayout.Auto, Nested(depth - 1));
}
