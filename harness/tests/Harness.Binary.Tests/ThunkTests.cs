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
            var code = new List<byte>();
            var layout = ThunkCode.Write(code, new InlineCheck(frame, ThunkCode.Word(frame, 0)), LimitSlot.Glibc);
            var rows = layout.Rows.ToDictionary(row => row.Offset, row => row.CfaOffset);
            var (declared, actual) = (8L, 8L);
            var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()));
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
        var (bytes, report) = ThunkInjector.Inject(file ?? new ThunkTests()._file, options);
        return (ElfFile.Parse(bytes, "injected"), report);
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
