using Harness.Model;
using static Harness.Emit.Tests.Samples;

namespace Harness.Emit.Tests;

public class SnapshotTests
{
    private const string Expected = """
        const rt = @import("rt");

        pub const panic = rt.panic;

        const Tag1 = enum { a, b, c };

        const Flags2 = packed struct {
            a: bool,
            b: u7,
        };

        const Record3 = struct {
            a: Tag1 align(64),
            b: @Vector(4, f32),
            c: ?Flags2,
        };

        const Choice4 = union(enum) {
            a,
            b: Record3,
            c: []const u64,
        };

        const program_0 = struct {
            noinline fn start_0(v0: Choice4) !void {
                try rt.checkpoint(0, 0);
                defer rt.stay();
                const h1 = rt.acquire(1, .heap_block);
                defer rt.release(1, h1);
                errdefer |err| {
                    rt.errdeferred(2, err);
                    start_2();
                }
                var cell_2: u64 = rt.fold(v0);
                for (0..2) |index_3| {
                    const v4 = try host_1.visit_1(rt.make(Record3, index_3 +% 1), &cell_2);
                    if (rt.mod(rt.fold(v4), 2) == 1) break;
                }
                rt.log(4, rt.fold(cell_2));
                rt.leave(0);
            }

            const Host1 = struct {
                number: u32,

                fn visit_1(self: *const Host1, _: Record3, p1: *u64) (rt.Fault || error{Busy})!u64 {
                    try rt.checkpoint(0, 1);
                    rt.expect(self.number, 1);
                    p1.* = 0x3e8;
                    rt.probe(5, @errorReturnTrace());
                    rt.leave(1);
                    return rt.make(u64, 0);
                }
            };
            const host_1: Host1 = .{ .number = 1 };

            noinline fn start_2() void {
                rt.enter(0, 2);
                rt.leave(2);
            }

            fn fiber_0() callconv(.c) void {
                rt.begin(0, 0);
                start_0(rt.make(Choice4, 9)) catch |err| return rt.failed(err);
                rt.completed({});
            }

            fn fiber_1() callconv(.c) void {
                rt.begin(0, 1);
                start_2();
                rt.completed({});
            }

            const fibers = [_]rt.Fiber{ &fiber_0, &fiber_1 };
        };

        const programs = [_]rt.Program{
            rt.program(&program_0.fibers),
        };

        export const hs_unit = rt.unit(&programs);

        """;

    [Fact]
    public async Task a_program_reads_like_something_a_person_wrote()
    {
        var source = ZigEmitter.Emit([Program()]).Source;

        Assert.Equal(Expected, source);
        using var zig = new ZigTool();
        await zig.AssertFormattedAsync(zig.Write("snapshot.zig", source));
    }

    [Fact]
    public void types_that_programs_share_are_declared_once()
    {
        var source = ZigEmitter.Emit([Program(), Program()]).Source;

        Assert.Equal(1, source.Split("packed struct {").Length - 1);
        Assert.Equal(3, source.Split("program_1").Length);
    }

    private static FiberProgram Program()
    {
        var record = new ZigType.Struct(
            StructLayout.Auto,
            [
                new ZigType.Enum(3),
                new ZigType.Vector(4, new ZigType.Float(32)),
                new ZigType.Optional(
                    new ZigType.Struct(StructLayout.Packed, [new ZigType.Bool(), new ZigType.Int(7, false)])),
            ],
            Align: 64);
        var choice = new ZigType.Union([Samples.Void, record, Slice]);
        var start = Function(
            0, Inferred, Samples.Void, [choice],
            new Statement.Acquire(1, 1, ResourceKind.HeapBlock, Disposition.Defer),
            new Statement.ErrDeferCapture(2, [Call(3, 2, Samples.Plain)]),
            new Statement.Cell(2, Fold(0)),
            new Statement.Loop(3, 2,
            [
                Call(
                    6, 1, Samples.Try, 4,
                    new Argument.Made(new Scalar.Add(Const(1), new Scalar.LoopIndex(3))), Local(2)),
                new Statement.BreakIf(When(Fold(4), 2, 1)),
            ]),
            new Statement.Log(4, Fold(2)));
        var visit = Function(
            1, Explicit(ErrorName.Busy), U64, [record, Pointer],
            new Statement.Store(1, Const(1000)),
            new Statement.Probe(5)) with { Kind = FunctionKind.Method, NoInline = false };
        return new FiberProgram(
            [start, visit, Function(2, Infallible, Samples.Void, [])],
            [new Fiber(0, [9], 0, true), new Fiber(2, [], 0, false)],
            0);
    }
}
