using Iced.Intel;

namespace Harness.Binary.Tests;

public sealed class ThunkTests
{
    private readonly ElfFile _file = ElfFile.Parse(new ObjectBuilder().ToArray(), "object");

    [Fact]
    public void A_small_frame_compares_the_stack_pointer_itself()
    {
        var (after, report) = Inject();

        Assert.Equal((2, 2, 0, 1), (report.Functions, report.Split, report.UnknownFrames, report.Redirected));
        Assert.Equal(
            [
                "cmp rsp,fs:[70]", "ja near ptr 0F", "push 0FFFFFFFF80000003", "call 19", "ret", "jmp near ptr 1F",
            ],
            Disassemble(after, "hs_thunk.one"));
    }

    [Fact]
    public void A_larger_frame_is_compared_with_room_for_it()
    {
        // The `sub rsp, 0x20` of `one` becomes `sub rsp, 0x1020` (another instruction length: patch the whole body).
        var builder = new ObjectBuilder();
        var bytes = builder.With(
            builder.SectionAt(ObjectBuilder.TextIndex), 0x55, 0x48, 0x81, 0xec, 0x20, 0x10, 0, 0, 0xe8);
        var (after, _) = Inject(ElfFile.Parse(bytes, "object"));

        Assert.Equal(
            [
                "lea rsp,[rsp-1028]", "cmp rsp,fs:[70]", "lea rsp,[rsp+1028]", "ja near ptr 1F",
                "push 1000103", "call 29", "ret", "jmp near ptr 2F",
            ],
            Disassemble(after, "hs_thunk.one"));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(16, 1)]
    [InlineData(64, 49)]
    public void A_function_with_a_section_of_its_own_has_its_check_in_front(byte alignment, int filling)
    {
        var (after, _) = Inject(Alone(alignment));
        var (thunk, body) = (Symbol(after, "hs_thunk.one"), Symbol(after, "one"));
        var section = after.Section(".text")!;
        Assert.Equal((section.Index, (ulong)filling, 15UL), (thunk.Section, thunk.Value, thunk.Size));
        Assert.Equal((section.Index, thunk.Value + thunk.Size), (body.Section, body.Value));
        Assert.Equal(0UL, body.Value % alignment);
        Assert.Equal(Enumerable.Repeat((byte)0xcc, filling), after.Data(section)[..filling].ToArray());
        Assert.Equal(["cmp rsp,fs:[70]", "jbe near ptr 0F"], Disassemble(after, "hs_thunk.one"));
        Assert.Equal(["push 0FFFFFFFF80000003", "call 0A", "ret", "jmp near ptr 10"], Disassemble(after, "hs_thunk_over.one"));
        Assert.Equal(
            [((ulong)filling + 24, "two"), ((ulong)filling + 11, "hs_thunk_over.one")],
            after.Relocations(after.Section(".rela.text")!).ToArray().Select(r => (r.Offset, after.Symbols[r.Symbol].Name)));
        Assert.Equal(
            ["hs_morestack_thunk", "one"],
            after.Relocations(after.Section(".rela.text.hs_thunks")!).ToArray().Select(r => after.Symbols[r.Symbol].Name));
    }

    [Fact]
    public void A_larger_frame_is_compared_in_front_too_and_more_alignment_than_that_is_not_paid_for()
    {
        var large = Alone(16, 0x55, 0x48, 0x81, 0xec, 0x20, 0x10, 0, 0, 0xe8);
        Assert.Equal(
            ["lea rsp,[rsp-1028]", "cmp rsp,fs:[70]", "lea rsp,[rsp+1028]", "jbe near ptr 1F"],
            Disassemble(Inject(large).After, "hs_thunk.one"));

        var (after, _) = Inject(Alone(128));
        Assert.Equal(".text.hs_thunks", after.Sections[Symbol(after, "hs_thunk.one").Section].Name);
    }

    /// <summary>An object whose only function is <c>one</c>: <c>two</c> is a label.</summary>
    private static ElfFile Alone(byte alignment, params byte[] code)
    {
        var builder = new ObjectBuilder();
        var bytes = builder.With(builder.SectionAt(ObjectBuilder.TextIndex), code);
        bytes[builder.SectionAt(ObjectBuilder.SymbolsIndex) + 48 + 4] = 0x10;
        bytes[ObjectBuilder.HeaderField(bytes, ObjectBuilder.TextIndex, 48)] = alignment;
        return ElfFile.Parse(bytes, "object");
    }

    private static ElfSymbol Symbol(ElfFile file, string name) => file.Symbols.Single(s => s.Name == name);

    [Fact]
    public void Calls_reach_the_thunk_and_the_thunk_reaches_the_body()
    {
        var (after, _) = Inject();
        var thunks = after.Section(".text.hs_thunks")!;
        var call = Assert.Single(after.Relocations(after.Section(".rela.text")!));
        Assert.Equal("hs_thunk.two", after.Symbols[call.Symbol].Name);
        Assert.Equal(thunks.Index, after.Symbols[call.Symbol].Section);

        var targets = after.Relocations(after.Section(".rela.text.hs_thunks")!).Select(
            r => after.Symbols[r.Symbol].Name);
        Assert.Equal(["one", "hs_morestack_thunk", "one", "two", "hs_morestack_thunk", "two"], targets);
    }

    [Fact]
    public void An_excluded_function_keeps_its_callers()
    {
        var (after, report) = Inject(options: InjectionOptions.Default with { Excluded = ["tw*"] });

        Assert.Equal([new UnsplitFunction("two", UnsplitReason.Excluded, 8)], report.Unsplit.ToArray());
        Assert.Equal("two", after.Symbols[Assert.Single(after.Relocations(after.Section(".rela.text")!)).Symbol].Name);
    }

    [Fact]
    public void A_relocation_by_section_and_offset_is_understood()
    {
        // Symbol 1 becomes the section symbol of .text, and the call means .text + 16 = two.
        var builder = new ObjectBuilder();
        var bytes = builder.With(builder.SectionAt(ObjectBuilder.SymbolsIndex) + 24 + 4, 3);
        new byte[] { 1, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0 }.CopyTo(
            bytes, builder.SectionAt(ObjectBuilder.RelocationsIndex) + 12);
        var (after, report) = Inject(ElfFile.Parse(bytes, "object"));

        Assert.Equal(1, report.Redirected);
        var call = Assert.Single(after.Relocations(after.Section(".rela.text")!));
        Assert.Equal(("hs_thunk.two", -4L), (after.Symbols[call.Symbol].Name, call.Addend));
    }

    [Fact]
    public void A_relocation_of_a_place_inside_a_function_is_left_alone()
    {
        var builder = new ObjectBuilder();
        var bytes = builder.With(builder.SectionAt(ObjectBuilder.RelocationsIndex) + 16, 0, 0, 0, 0, 0, 0, 0, 0);
        var (after, report) = Inject(ElfFile.Parse(bytes, "object"));

        Assert.Equal(0, report.Redirected);
        Assert.Equal("two", after.Symbols[Assert.Single(after.Relocations(after.Section(".rela.text")!)).Symbol].Name);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 1, (1 << 20) | 1)]
    [InlineData(256, 1024, (16 << 20) | 16)]
    [InlineData(ThunkCode.MaxFrameBytes, ThunkCode.MaxArgumentBytes, 0x7fffffff)]
    public void The_pushed_word_holds_both_sizes_rounded_up_and_stays_positive(long frame, int arguments, int word) =>
        Assert.Equal(word, ThunkCode.Word(frame, arguments));

    [Fact]
    public void Rejects_a_frame_that_the_word_cannot_hold()
    {
        var builder = new ObjectBuilder();
        var bytes = builder.With(builder.SectionAt(ObjectBuilder.TextIndex), 0x55, 0x48, 0x81, 0xec, 0, 0, 0, 1, 0xe8);
        var error = Assert.Throws<InvalidDataException>(() => Inject(ElfFile.Parse(bytes, "object")));
        Assert.Contains("function one has a frame of 16777224 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_row_of_the_unwind_table_matches_the_stack_pointer()
    {
        foreach (var frame in new[] { 0L, 255, 256, 5000, ThunkCode.MaxFrameBytes })
        {
            var check = new InlineCheck(frame, ThunkCode.Word(frame, 0));
            var (whole, front, over) = (new List<byte>(), new List<byte>(), new List<byte>());
            Check(whole, 0, ThunkCode.Write(whole, check, LimitSlot.Glibc));
            var (entry, layout) = ThunkCode.WriteInFront(front, check, LimitSlot.Glibc, 16);
            Check(front, entry, layout);
            Check(over, 0, ThunkCode.WriteOver(over, check));
        }

        static void Check(List<byte> code, int start, ThunkCode.Layout layout)
        {
            var rows = layout.Rows.ToDictionary(row => row.Offset, row => row.CfaOffset);
            var (declared, actual) = (8L, 8L);
            var decoder = Decoder.Create(64, new ByteArrayCodeReader([.. code.Skip(start)]));
            while (decoder.IP < (ulong)layout.Bytes)
            {
                declared = rows.GetValueOrDefault((int)decoder.IP, (int)declared);
                Assert.Equal(actual, declared);
                var instruction = decoder.Decode();
                actual += instruction.Mnemonic switch
                {
                    Mnemonic.Lea => -(long)instruction.MemoryDisplacement64,
                    Mnemonic.Push => 8,
                    Mnemonic.Call => -8, // hs_morestack_thunk takes the pushed word with it
                    _ => 0,
                };
            }
        }
    }

    private static (ElfFile After, InjectionReport Report) Inject(
        ElfFile? file = null, InjectionOptions? options = null)
    {
        var (injected, report) = ThunkInjector.Inject(file ?? new ThunkTests()._file, options);
        return (ElfFile.Parse(injected.Write(), "injected"), report);
    }

    private static List<string> Disassemble(ElfFile file, string symbol)
    {
        var function = file.Symbols.Single(s => s.Name == symbol);
        var code = file.Data(file.Sections[function.Section]).Slice((int)function.Value, (int)function.Size).ToArray();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        var formatter = new MasmFormatter(new FormatterOptions { BranchLeadingZeros = false });
        var result = new List<string>();
        while (decoder.IP < (ulong)code.Length)
        {
            var output = new StringOutput();
            formatter.Format(decoder.Decode(), output);
            result.Add(output.ToStringAndReset());
        }

        return result;
    }
}
