using System.Collections.Immutable;

namespace Harness.Binary.Tests;

public sealed class ElfFileTests
{
    private readonly ObjectBuilder _builder = new();

    [Fact]
    public void Accepts_an_object_and_tells_what_is_in_it()
    {
        var file = ElfFile.Parse(_builder.ToArray(), "object");

        Assert.Equal(ElfKind.Relocatable, file.Kind);
        Assert.Equal(
            ["", ".text", ".data", ".rela.text", ".symtab", ".strtab", ".shstrtab"], file.Sections.Select(s => s.Name));
        Assert.True(file.Section(".text")!.IsCode);
        Assert.Equal(["", "one", "two"], file.Symbols.Select(s => s.Name));
        Assert.Equal(new ElfSymbol(2, "two", ElfSymbolType.Function, ElfBinding.Global, 0, 1, 16, 6), file.Symbols[2]);
        var relocations = file.Relocations(file.Section(".rela.text")!).ToArray();
        Assert.Equal([new ElfRelocation(9, RelocationType.Plt32, 2, -4)], relocations);
        Assert.Equal(0x55, file.Data(file.Section(".text")!)[0]);
    }

    [Fact]
    public void Rejects_what_is_not_ELF() => Rejects("is not an ELF file", [.. "#!/bin/sh\n"u8, .. new byte[100]]);

    [Fact]
    public void Rejects_an_empty_file() => Rejects("is not an ELF file", []);

    [Fact]
    public void Rejects_a_32_bit_file() => Rejects("is not a 64-bit little-endian", _builder.With(4, 1));

    [Fact]
    public void Rejects_a_big_endian_file() => Rejects("is not a 64-bit little-endian", _builder.With(5, 2));

    [Fact]
    public void Rejects_a_section_table_beyond_the_file() =>
        Rejects("the section header table lies outside", _builder.With(40, 0xff, 0xff));

    [Fact]
    public void Rejects_a_section_table_whose_offset_overflows() =>
        Rejects(
            "the section header table lies outside", _builder.With(40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));

    [Fact]
    public void Rejects_section_headers_of_another_size() =>
        Rejects("has section headers of 40 bytes", _builder.With(58, 40));

    [Fact]
    public void Rejects_a_string_table_index_beyond_the_sections() =>
        Rejects("names section 7 of 7", _builder.With(62, 7));

    [Fact]
    public void Rejects_a_section_beyond_the_file() =>
        Rejects("section 1 lies outside the file", WithHeader(ObjectBuilder.TextIndex, 32, 0xff, 0xff, 0xff));

    [Fact]
    public void Accepts_a_section_without_bytes_of_any_size()
    {
        // SHT_NOBITS, of 16 MiB.
        var bytes = WithHeader(2, 4, 8);
        bytes[ObjectBuilder.HeaderField(bytes, 2, 32) + 3] = 1;
        var file = ElfFile.Parse(bytes, "object");
        Assert.True(file.Data(file.Sections[2]).IsEmpty);
    }

    [Fact]
    public void Rejects_a_section_name_beyond_its_table() =>
        Rejects("the name of section 1 lies at 65280", WithHeader(ObjectBuilder.TextIndex, 0, 0, 0xff));

    [Fact]
    public void Rejects_an_unterminated_name() =>
        Rejects("is unterminated", _builder.With(_builder.SectionAt(ObjectBuilder.StringsIndex) + 8, (byte)'x'));

    [Fact]
    public void Rejects_symbols_of_another_size() =>
        Rejects("has entries of 25 bytes", WithHeader(ObjectBuilder.SymbolsIndex, 56, 25));

    [Fact]
    public void Rejects_half_a_symbol() =>
        Rejects("does not hold whole entries", WithHeader(ObjectBuilder.SymbolsIndex, 32, 71));

    [Fact]
    public void Rejects_more_local_symbols_than_symbols() =>
        Rejects("reports 4 local symbols of 3", WithHeader(ObjectBuilder.SymbolsIndex, 44, 4));

    [Fact]
    public void Rejects_a_symbol_in_a_section_that_is_not_there() =>
        Rejects(
            "symbol 1 lies in section 9 of 7",
            _builder.With(_builder.SectionAt(ObjectBuilder.SymbolsIndex) + 24 + 6, 9));

    [Fact]
    public void Accepts_a_symbol_in_a_reserved_section()
    {
        // SHN_ABS.
        var file = ElfFile.Parse(
            _builder.With(_builder.SectionAt(ObjectBuilder.SymbolsIndex) + 24 + 6, 0xf1, 0xff), "object");
        Assert.False(file.Symbols[1].IsDefined);
    }

    [Fact]
    public void Rejects_a_relocation_of_a_symbol_that_is_not_there() =>
        Rejects("names symbol 3 of 3", _builder.With(_builder.SectionAt(ObjectBuilder.RelocationsIndex) + 12, 3));

    [Fact]
    public void Rejects_a_relocation_beyond_its_section() =>
        Rejects("lies at 265, beyond .text", _builder.With(_builder.SectionAt(ObjectBuilder.RelocationsIndex), 9, 1));

    [Fact]
    public void Rejects_more_sections_than_the_limit_and_accepts_as_many()
    {
        Assert.Contains(
            "reports 7 sections, which exceeds the maximum of 6",
            Assert.Throws<InvalidDataException>(
                () => ElfFile.Parse(_builder.ToArray(), "object", new ElfLimits { MaxSections = 6 })).Message,
            StringComparison.Ordinal);
        ElfFile.Parse(_builder.ToArray(), "object", new ElfLimits { MaxSections = 7 });
    }

    [Fact]
    public void Rejects_more_symbols_than_the_limit_and_accepts_as_many()
    {
        Assert.Contains(
            "reports 3 symbols, which exceeds the maximum of 2",
            Assert.Throws<InvalidDataException>(() => Symbols(2).Length).Message,
            StringComparison.Ordinal);
        Assert.Equal(3, Symbols(3).Length);

        ImmutableArray<ElfSymbol> Symbols(int limit) =>
            ElfFile.Parse(_builder.ToArray(), "object", new ElfLimits { MaxSymbols = limit }).Symbols;
    }

    [Fact]
    public void Rejects_a_longer_file_than_the_limit_without_reading_it()
    {
        using var scratch = new Scratch();
        File.WriteAllBytes(scratch["object"], _builder.ToArray());
        var error = Assert.Throws<InvalidDataException>(
            () => ElfFile.Load(scratch["object"], new ElfLimits { MaxFileBytes = 100 }));
        Assert.Contains("exceeds the maximum of 100", error.Message, StringComparison.Ordinal);
    }

    private byte[] WithHeader(int section, int field, params byte[] value)
    {
        var bytes = _builder.ToArray();
        value.CopyTo(bytes, ObjectBuilder.HeaderField(bytes, section, field));
        return bytes;
    }

    /// <summary>The message is one line: the file's name, then the reason.</summary>
    private static void Rejects(string reason, byte[] bytes)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(bytes));
        Assert.StartsWith("some.o: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void Read(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "some.o");
        foreach (var section in file.Sections.Where(s => s.Type is ElfSectionType.RelocationsWithAddend))
        {
            file.Relocations(section);
        }

        _ = file.Symbols;
    }
}
