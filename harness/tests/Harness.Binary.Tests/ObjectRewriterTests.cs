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
