namespace Harness.Binary.Tests;

public sealed class ObjectRewriterTests
{
    private readonly ElfFile _file = ElfFile.Parse(new ObjectBuilder().ToArray(), "object");

    [Fact]
    public void Without_changes_the_content_stays()
    {
        var after = Rewrite(_ => { });

        Assert.Equal(_file.Symbols.ToArray(), after.Symbols.ToArray());
        Assert.Equal(
            _file.Relocations(_file.Section(".rela.text")!).ToArray(),
            after.Relocations(after.Section(".rela.text")!).ToArray());
        Assert.Equal(_file.Data(_file.Section(".text")!).ToArray(), after.Data(after.Section(".text")!).ToArray());
    }

    [Fact]
    public void An_added_section_symbol_and_relocation_are_there_and_locals_come_first()
    {
        var after = Rewrite(rewriter =>
        {
            const ElfSectionFlags Code = ElfSectionFlags.Allocate | ElfSectionFlags.Execute;
            var section = rewriter.AddSection(new NewSection(
                ".text.new", ElfSectionType.ProgramBits, Code, 16, [1, 2, 3, 4, 5, 6, 7, 8]));
            var local = rewriter.AddSymbol(new NewSymbol("fresh", ElfSymbolType.Function, section, 2, 4));
            var elsewhere = rewriter.AddUndefinedSymbol("elsewhere");
            rewriter.AddRelocations(section,
            [
                new(0, RelocationType.PcRelative32, SymbolReference.Existing(2), -4),
                new(4, RelocationType.Plt32, elsewhere, -4),
            ]);
            rewriter.Redirect(_file.Section(".rela.text")!, 0, local, -4);
        });

        Assert.Equal(["", "one", "fresh", "two", "elsewhere"], after.Symbols.Select(s => s.Name));
        Assert.Equal(3, after.Sections.Single(s => s.Type is ElfSectionType.SymbolTable).Info);
        Assert.False(after.Symbols[4].IsDefined);
        var added = after.Section(".text.new")!;
        Assert.Equal(0, added.Offset % 16);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], after.Data(added).ToArray());
        Assert.Equal(
            new ElfSymbol(2, "fresh", ElfSymbolType.Function, ElfBinding.Local, 0, (ushort)added.Index, 2, 4),
            after.Symbols[2]);
        Assert.Equal(
            [new ElfRelocation(9, RelocationType.Plt32, 2, -4)],
            after.Relocations(after.Section(".rela.text")!).ToArray());
        Assert.Equal(
            [
                new ElfRelocation(0, RelocationType.PcRelative32, 3, -4),
                new ElfRelocation(4, RelocationType.Plt32, 4, -4),
            ],
            after.Relocations(after.Section(".rela.text.new")!).ToArray());
    }

    [Fact]
    public void Relocations_added_to_a_section_that_has_some_join_them()
    {
        var after = Rewrite(rewriter =>
        {
            var local = rewriter.AddSymbol(new NewSymbol("fresh", ElfSymbolType.None, ObjectBuilder.TextIndex, 0, 0));
            rewriter.AddRelocations(ObjectBuilder.TextIndex, [new(0, RelocationType.PcRelative32, local, 5)]);
        });

        var section = Assert.Single(after.Sections, s => s.Type is ElfSectionType.RelocationsWithAddend);
        Assert.Equal(
            [
                new ElfRelocation(9, RelocationType.Plt32, 3, -4),
                new ElfRelocation(0, RelocationType.PcRelative32, 2, 5),
            ],
            after.Relocations(section).ToArray());
    }

    [Fact]
    public void Bytes_put_before_a_section_move_all_that_means_a_place_in_it()
    {
        var before = _file.Data(_file.Section(".text")!).ToArray();
        var after = Rewrite(rewriter =>
        {
            var elsewhere = rewriter.AddUndefinedSymbol("elsewhere");
            rewriter.Prepend(_file.Section(".text")!, [1, 2, 3, 4, 5, 6], [new(2, RelocationType.PcRelative32, elsewhere, -4)]);
            rewriter.AddRelocations(ObjectBuilder.TextIndex, [new(1, RelocationType.PcRelative32, SymbolReference.Existing(1), 7)]);
            rewriter.Patch(_file.Section(".text")!, 0, [0x90]);
            rewriter.AddSymbol(new NewSymbol("before", ElfSymbolType.Function, ObjectBuilder.TextIndex, 1, 5));
        });

        before[0] = 0x90;
        Assert.Equal([1, 2, 3, 4, 5, 6, .. before], after.Data(after.Section(".text")!).ToArray());
        Assert.Equal(
            [("one", 6UL), ("before", 1UL), ("two", 22UL)],
            after.Symbols.Where(s => s.IsDefined).Select(s => (s.Name, s.Value)));
        Assert.Equal(
            [
                new ElfRelocation(15, RelocationType.Plt32, 3, -4), new ElfRelocation(7, RelocationType.PcRelative32, 1, 7),
                new ElfRelocation(2, RelocationType.PcRelative32, 4, -4),
            ],
            after.Relocations(after.Section(".rela.text")!).ToArray());
    }

    [Fact]
    public void A_reference_by_section_and_offset_means_the_same_place_behind_what_was_put_before_it()
    {
        // Symbol 1 becomes the section symbol of .text, and the call means .text + 16 = two.
        var builder = new ObjectBuilder();
        var bytes = builder.With(builder.SectionAt(ObjectBuilder.SymbolsIndex) + 24 + 4, 3);
        new byte[] { 1, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0 }.CopyTo(bytes, builder.SectionAt(ObjectBuilder.RelocationsIndex) + 12);
        var file = ElfFile.Parse(bytes, "object");
        var rewriter = new ObjectRewriter(file);
        rewriter.Prepend(file.Section(".text")!, [0xcc, 0xcc, 0xcc], []);
        var after = ElfFile.Parse(rewriter.Write(), "rewritten");

        Assert.Equal(new ElfRelocation(12, RelocationType.Plt32, 1, 15), Assert.Single(after.Relocations(after.Section(".rela.text")!).ToArray()));
        Assert.Equal(0UL, after.Symbols[1].Value);
    }

    [Fact]
    public void What_is_put_before_a_section_keeps_its_alignment()
    {
        var bytes = new ObjectBuilder().ToArray();
        bytes[ObjectBuilder.HeaderField(bytes, ObjectBuilder.TextIndex, 48)] = 16;
        var file = ElfFile.Parse(bytes, "object");
        var error = Assert.Throws<InvalidDataException>(() => new ObjectRewriter(file).Prepend(file.Section(".text")!, new byte[15], []));
        Assert.Equal("object: 15 bytes cannot stand before .text, which is aligned to 16", error.Message);
    }

    [Fact]
    public void A_discarded_section_is_nothing_and_the_others_keep_their_numbers()
    {
        var after = Rewrite(rewriter => rewriter.Discard(_file.Section(".data")!));

        Assert.Equal(ElfSectionType.Null, after.Sections[2].Type);
        Assert.Equal(".rela.text", after.Sections[3].Name);
    }

    [Fact]
    public void Rejects_an_executable()
    {
        var file = ElfFile.Parse(new ObjectBuilder().With(16, 2), "program");
        var error = Assert.Throws<InvalidDataException>(() => new ObjectRewriter(file));
        Assert.Equal("program: is not a relocatable object for x86-64", error.Message);
    }

    [Fact]
    public void Rejects_another_machine() =>
        Assert.Throws<InvalidDataException>(
            () => new ObjectRewriter(ElfFile.Parse(new ObjectBuilder().With(18, 183), "object")));

    private ElfFile Rewrite(Action<ObjectRewriter> change)
    {
        var rewriter = new ObjectRewriter(_file);
        change(rewriter);
        return ElfFile.Parse(rewriter.Write(), "rewritten");
    }
}
