using Harness.Binary.StackUse;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Harness.Binary.Tests.StackUse;

/// <summary>Sums over a call graph, and what has none.</summary>
public sealed class StackBoundsTests
{
    private static readonly string[] _names = ["a", "b", "c", "d"];

    private static ulong At(string name) => ProgramBuilder.TextAt + ((ulong)Array.IndexOf(_names, name) * 512);

    private static Action<Assembler> Calls(int bytes, params string[] names) => c =>
    {
        c.sub(rsp, bytes);
        foreach (var name in names)
        {
            c.call(At(name));
        }

        c.mov(__qword_ptr[rsp], 0);
        c.add(rsp, bytes);
        c.ret();
    };

    private static StackBound Bound(params Action<Assembler>[] functions) => Bound(StackRules.Default, null, functions);

    private static StackBound Bound(StackRules rules, ulong[]? pointers, params Action<Assembler>[] functions)
    {
        var program = new ProgramBuilder();
        for (var i = 0; i < functions.Length; i++)
        {
            program.Unit(_names[i], functions[i]);
        }

        return new StackBounds(new StackGraph(CodeImage.Of(program.Link()), rules), BoundScope.Whole, pointers).Of(At("a"));
    }

    [Fact]
    public void The_deepest_chain_counts_and_is_told()
    {
        var bound = Bound(Calls(16, "b", "c"), Calls(400), Calls(32, "d"), Calls(512));
        Assert.True(bound.Holds);
        Assert.Equal(16 + 8 + 32 + 8 + 512, bound.Bytes);
        Assert.Equal([new("a", 24), new("c", 40), new("d", 512)], bound.Chain.ToArray());
    }

    [Fact]
    public void Functions_that_call_one_another_have_no_bound_and_are_named()
    {
        var bound = Bound(Calls(16, "b"), Calls(32, "c"), Calls(64, "b", "d"), Calls(512));
        var recursion = Assert.IsType<Unbounded.Recursion>(Assert.Single(bound.Without));
        Assert.Equal(["b", "c"], recursion.Functions.ToArray());
    }

    [Fact]
    public void A_function_that_calls_itself_has_no_bound() =>
        Assert.Equal("a calls itself", Assert.Single(Bound(Calls(16, "a")).Without).ToString());

    [Fact]
    public void A_call_by_pointer_has_no_bound_unless_it_is_known_where_pointers_lead()
    {
        Action<Assembler>[] functions = [c => { c.call(rax); c.ret(); }, Calls(100), Calls(300)];
        Assert.IsType<Unbounded.IndirectCall>(Assert.Single(Bound(StackRules.Default, null, functions).Without));
        var known = Bound(StackRules.Default, [At("b"), At("c")], functions);
        Assert.True(known.Holds);
        Assert.Equal(8 + 300, known.Bytes);
    }

    [Fact]
    public void A_call_out_of_the_file_has_no_bound_unless_one_is_stated()
    {
        Action<Assembler>[] functions = [c => { c.sub(rsp, 8); c.call(0x5000000); c.add(rsp, 8); c.ret(); }];
        Assert.IsType<Unbounded.ExternalCall>(Assert.Single(Bound(functions).Without));
        var rules = StackRules.Default with { ExternalAllowances = [new("0x5000000*", 640, "for this test")] };
        Assert.Equal(16 + 640, Bound(rules, null, functions).Bytes);
    }

    [Fact]
    public void A_stated_bound_takes_the_place_of_a_functions_own()
    {
        var rules = StackRules.Default with { Allowances = [new("b", 4096, "its depth is at most 32")] };
        var bound = Bound(rules, null, Calls(16, "b"), Calls(100, "b"));
        Assert.True(bound.Holds);
        Assert.Equal(24 + 4096, bound.Bytes);
    }

    [Fact]
    public void A_chain_of_a_hundred_thousand_functions_ends()
    {
        // Each calls the next: the sum does not use our own stack for theirs.
        const int count = 100_000;
        const int each = 8;
        var text = Enumerable.Repeat<byte[]>([0xe8, each - 5, 0, 0, 0, 0xc3, 0x90, 0x90], count).SelectMany(code => code).ToArray();
        text[(count - 1) * each] = 0xc3;
        var image = CodeImage.Of(ProgramBuilder.LinkRaw(text, each));
        var bound = new StackBounds(new StackGraph(image, StackRules.Default), BoundScope.Whole).Of(ProgramBuilder.TextAt);
        Assert.True(bound.Holds);
        Assert.Equal((count - 1) * 8, bound.Bytes);
    }
}
