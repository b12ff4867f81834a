namespace Harness.Binary;

/// <summary>Values of e_type.</summary>
public enum ElfKind : ushort
{
    Relocatable = 1,
    Executable = 2,
    SharedObject = 3,
    Core = 4,
}

/// <summary>Values of sh_type that matter here.</summary>
public enum ElfSectionType : uint
{
    Null = 0,
    ProgramBits = 1,
    SymbolTable = 2,
    StringTable = 3,
    RelocationsWithAddend = 4,
    NoBits = 8,
    Relocations = 9,
    DynamicSymbolTable = 11,
    Group = 17,
    SymbolTableExtendedIndexes = 18,
    LlvmAddressSignificance = 0x6fff4c03,
    X86Unwind = 0x70000001,
}

/// <summary>Bits of sh_flags that matter here.</summary>
[Flags]
public enum ElfSectionFlags : ulong
{
    None = 0,
    Write = 1,
    Allocate = 2,
    Execute = 4,
    InfoLink = 0x40,
    Compressed = 0x800,
}

/// <summary>Low four bits of st_info.</summary>
public enum ElfSymbolType : byte
{
    None = 0,
    Object = 1,
    Function = 2,
    Section = 3,
    File = 4,
    Common = 5,
    ThreadLocal = 6,
    IndirectFunction = 10,
}

/// <summary>High four bits of st_info.</summary>
public enum ElfBinding : byte
{
    Local = 0,
    Global = 1,
    Weak = 2,
}

/// <summary>x86-64 relocation types that matter here.</summary>
public enum RelocationType : uint
{
    None = 0,
    Absolute64 = 1,
    PcRelative32 = 2,
    Plt32 = 4,
    GotPcRelative = 9,
    Absolute32 = 10,
    Absolute32Signed = 11,
    ThreadPointerOffset32 = 23,
    PcRelative64 = 24,
    GotPcRelaxable = 41,
    GotPcRexRelaxable = 42,
}

/// <summary>A section header, its offsets checked against the file.</summary>
public sealed record ElfSection(
    int Index, string Name, ElfSectionType Type, ElfSectionFlags Flags, ulong Address,
    int Offset, ulong Size, int Link, int Info, ulong Alignment, ulong EntrySize)
{
    public bool IsAllocated => Flags.HasFlag(ElfSectionFlags.Allocate);

    public bool IsCode => IsAllocated && Flags.HasFlag(ElfSectionFlags.Execute);
}

/// <summary>A program header.</summary>
public readonly record struct ElfSegment(
    uint Type, uint Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes, ulong Alignment);

/// <param name="Index">In the symbol table it was read from.</param>
/// <param name="Section">Section index; 0 when undefined; 0xfff1 and the like when reserved.</param>
public readonly record struct ElfSymbol(
    int Index, string Name, ElfSymbolType Type, ElfBinding Binding, byte Other, ushort Section, ulong Value, ulong Size)
{
    public const ushort FirstReservedSection = 0xff00;

    public bool IsDefined => Section is > 0 and < FirstReservedSection;
}

/// <summary>An entry of a relocation section: where, how, and <c>symbol + addend</c>.</summary>
public readonly record struct ElfRelocation(ulong Offset, RelocationType Type, int Symbol, long Addend);
