using System.Buffers.Binary;
using Harness.Binary.StackUse;
using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>What calls need, and what of it is named: one rule each.</summary>
public sealed class StackUsageTests
{
    private static ulong At(string name) => ProgramBuilder.TextAt + (ulong)((name[0] - 'a') * ProgramBuilder.FunctionBytes);

    /// <summary>Functions a, b, c …; each calls others from a frame.</summary>
    private static ProgramBuilder Program(params (int Frame, string[] Callees)[] functions)
    {
        var program = new ProgramBuilder();
        for (var i = 0; i < functions.Length; i++)
        {
            var (frame, callees) = functions[i];
            program.Unit(((char)('a' + i)).ToString(), c =>
            {
                c.sub(rsp, frame);
                foreach (var callee in callees)
                {
                    c.call(At(callee));
                }

                c.add(rsp, frame);
                c.ret();
            });
        }

        return program;
    }

    private static EntryUsage Usage(ProgramBuilder program, string entry = "a") => Assert.Single(StackUsage.Of(program.Link()).Report([entry]).Entries);

    [Fact]
    public void The_return_address_counts()
    {
        var usage = Usage(Program((16, ["b", "c"]), (400, []), (100, [])));
        Assert.Equal((8 + 16 + 8 + 400, 16L + 8 + 400), (usage.Bytes, usage.UpfrontBytes!.Value));
        Assert.Equal([new("a", 24), new("b", 400)], usage.Chain.ToArray());
    }

    /// <summary>a to f all call one another somehow; the shortest way round is d and e.</summary>
    [Fact]
    public void Of_a_cycle_a_shortest_way_round_is_told()
    {
        var usage = Usage(Program((8, ["b"]), (8, ["c"]), (8, ["d"]), (8, ["e"]), (8, ["f", "d"]), (8, ["b"])));
        var cycle = Assert.IsType<Unbounded.Recursion>(Assert.Single(usage.Without));
        Assert.Equal(["b", "c", "d", "e", "f"], cycle.Functions.ToArray());
        Assert.Equal(["d", "e"], cycle.Cycle.ToArray());
        Assert.Null(usage.UpfrontBytes);
    }

    [Fact]
    public void What_has_no_bound_is_told_by_its_kind_and_place()
    {
        var program = new ProgramBuilder().Unit("a", c =>
        {
            c.call(At("b"));
            c.call(At("c"));
            c.call(0x5000000);
            c.ret();
        }).Unit("b", c =>
        {
            c.mov(rbp, rsp);
            c.sub(rsp, rcx);
            c.ret();
        }).Unit("c", c =>
        {
            c.call(rdx);
            c.ret();
        });
        var reasons = Usage(program).Without;
        Assert.Equal(At("b") + 3, Assert.Single(reasons.OfType<Unbounded.DynamicStack>()).Place);
        Assert.Equal(At("c"), Assert.Single(reasons.OfType<Unbounded.IndirectCall>()).Place);
        Assert.Equal(("a", At("a") + 10), Assert.Single(reasons.OfType<Unbounded.ExternalCall>()) is var e ? (e.Caller, e.Place) : default);
        Assert.Equal(3, reasons.Length);
    }

    /// <summary>A check that looks for more than its function uses decides how much must be there; its way into morestack does not count.</summary>
    [Fact]
    public void Up_front_there_is_so_much_that_no_check_fails()
    {
        var program = new ProgramBuilder().Unit("a", c =>
        {
            var fits = c.CreateLabel();
            c.lea(r11, __[rsp - 0x300]);
            c.cmp(r11, __qword_ptr.fs[0x70]);
            c.ja(fits);
            c.mov(r10d, 0x300);
            c.xor(r11d, r11d);
            c.call(At("b"));
            c.ret();
            c.Label(ref fits);
            c.sub(rsp, 0x100);
            c.add(rsp, 0x100);
            c.ret();
        }).Runtime("__morestack", c =>
        {
            c.sub(rsp, 0x1000);
            c.add(rsp, 0x1000);
            c.ret();
        });
        var usage = Usage(program);
        Assert.Equal(0x300, usage.UpfrontBytes);
        Assert.Equal(8 + 8 + 0x1000, usage.Bytes);
    }

    /// <summary>The mark, an entry's address, and where the bytes go; a mark beside what is no function is left alone.</summary>
    [Fact]
    public void Bounds_are_written_where_the_mark_is()
    {
        var program = Program((64, []), (32, ["b"])).Data([.. Slot(At("a")), .. Slot(At("b")), .. Slot(At("a") + 1)]);
        var file = program.Link();
        var (filled, slots) = BoundSlots.Fill(file, StackUsage.Of(file));
        Assert.Equal([("a", 64L), ("b", null)], slots.Select(slot => (slot.Usage.Name, slot.Bytes)));
        var data = ElfFile.Parse(filled, "filled").Memory(ProgramBuilder.DataAt);
        Assert.Equal([64L, 0, -1], new[] { 0, 1, 2 }.Select(i => BinaryPrimitives.ReadInt64LittleEndian(ElfFile.Parse(filled, "filled").Memory(ProgramBuilder.DataAt)[(16 + (32 * i) + 24)..])));
        Assert.False(data.IsEmpty);
    }

    private static byte[] Slot(ulong entry) => [.. BoundSlots.Mark, .. BitConverter.GetBytes(entry), .. BitConverter.GetBytes(-1L)];

    [Fact]
    public void A_program_without_fibers_has_nothing_to_fill()
    {
        var file = Program((64, [])).Link();
        Assert.Contains("has no entry of a fiber", Assert.Throws<InvalidDataException>(() => BoundSlots.Fill(file, StackUsage.Of(file))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_mark_is_the_runtimes()
    {
        var text = File.ReadAllText(Harness.Tests.Tools.Fixtures.PathOf("runtime/fiber.zig")).Replace("_", "", StringComparison.Ordinal);
        var mark = string.Join(", ", BoundSlots.Mark.Chunk(8).Select(word => $"0x{BitConverter.ToUInt64(word):x}"));
        Assert.Contains($".{{ {mark} }}", text, StringComparison.Ordinal);
    }
}
