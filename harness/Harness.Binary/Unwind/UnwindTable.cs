using System.Collections.Immutable;

namespace Harness.Binary.Unwind;

/// <summary>
/// The call frame information of a linked file: <c>.eh_frame</c> with its search table <c>.eh_frame_hdr</c>, and
/// <c>.debug_frame</c>. Nothing that the file says makes it throw: what cannot be read is in <see cref="Problems"/>, by name.
/// </summary>
public sealed class UnwindTable
{
    /// <summary>How many entries before the nearest are tried; only a broken file has overlaps at all.</summary>
    private const int MaxOverlaps = 1024;

    private readonly ElfFile _file;
    private readonly UnwindLimits _limits;
    private readonly FrameEntry[] _byAddress;

    /// <summary>The furthest end of the entries up to each: overlaps make the nearest start the wrong one.</summary>
    private readonly ulong[] _reach;

    private UnwindTable(ElfFile file, UnwindLimits limits, List<FrameEntry> entries, FrameSearchTable? search, List<UnwindProblem> problems)
    {
        (_file, _limits, Search, Problems) = (file, limits, search, problems);
        Entries = [.. entries];
        // Of two at one place that of .eh_frame counts, as at run time.
        _byAddress = [.. entries.Where(entry => entry.End > entry.Start).OrderBy(entry => entry.Start).ThenBy(entry => entry.Section.IsAllocated).ThenBy(entry => entry.Offset)];
        _reach = new ulong[_byAddress.Length];
        var reach = 0UL;
        for (var i = 0; i < _reach.Length; i++)
        {
            _reach[i] = reach = Math.Max(reach, _byAddress[i].End);
        }
    }

    /// <summary>All entries as they are written, <c>.eh_frame</c> first.</summary>
    public ImmutableArray<FrameEntry> Entries { get; }

    /// <summary>Entries that cover any code, by address.</summary>
    public IReadOnlyList<FrameEntry> ByAddress => _byAddress;

    /// <summary>The table of <c>.eh_frame_hdr</c>; null when there is none.</summary>
    public FrameSearchTable? Search { get; }

    /// <summary>What could not be read.</summary>
    public IReadOnlyList<UnwindProblem> Problems { get; }

    internal ElfFile File => _file;

    public UnwindLimits Limits => _limits;

    public static UnwindTable Read(ElfFile file, UnwindLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        limits ??= UnwindLimits.Default;
        var problems = new List<UnwindProblem>();
        var entries = new List<FrameEntry>();
        if (file.Kind is ElfKind.Relocatable)
        {
            problems.Add(new UnwindProblem(UnwindFault.NotLinked, 0, "the file is not linked: its entries have no addresses yet"));
            return new UnwindTable(file, limits, entries, null, problems);
        }

        foreach (var section in file.Sections.Where(s => s.Name is ".eh_frame" or ".debug_frame").OrderByDescending(s => s.Name))
        {
            var frames = new FrameSection(file, section, limits, problems);
            frames.Read();
            entries.AddRange(frames.Entries);
        }

        var search = FrameSearchTable.Read(file, limits, problems);
        return new UnwindTable(file, limits, entries, search, problems);
    }

    /// <summary>The entry that covers an address, or null. Where several do, the one that begins last.</summary>
    public FrameEntry? Find(ulong address)
    {
        var (low, high) = (0, _byAddress.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _byAddress[middle].Start <= address ? (middle + 1, high) : (low, middle);
        }

        for (var i = low - 1; i >= Math.Max(0, low - MaxOverlaps) && _reach[i] > address; i--)
        {
            if (_byAddress[i].Covers(address))
            {
                return _byAddress[i];
            }
        }

        return null;
    }

    /// <summary>The entry that the search table of <c>.eh_frame_hdr</c> leads to, as an unwinder at run time finds it; null when it leads nowhere.</summary>
    public FrameEntry? FindBySearchTable(ulong address) =>
        Search?.Find(address) is { } offset && EntryAt(offset) is { } entry && entry.Covers(address) ? entry : null;

    /// <summary>The entry whose record starts at an address of <c>.eh_frame</c>.</summary>
    internal FrameEntry? EntryAt(ulong address)
    {
        var (low, high) = (0, Entries.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = Place(Entries[middle]) < address ? (middle + 1, high) : (low, middle);
        }

        return low < Entries.Length && Place(Entries[low]) == address ? Entries[low] : null;
    }

    /// <summary>Runs an entry's program.</summary>
    public UnwindRows Rows(FrameEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return new RowProgram(_file, _limits).Run(entry);
    }

    /// <summary>For many entries: a CIE's program is run once.</summary>
    internal RowProgram Programs() => new(_file, _limits);

    /// <summary>The bytes of an expression that a rule refers to.</summary>
    internal ReadOnlySpan<byte> Expression(FrameEntry entry, long offset, int length) => _file.Data(entry.Section).Slice((int)offset, length);

    /// <summary>.debug_frame has no address: behind everything, so that the order of <see cref="Entries"/> holds.</summary>
    private static ulong Place(FrameEntry entry) => entry.Section.IsAllocated ? unchecked(entry.Section.Address + entry.Offset) : ulong.MaxValue;
}
