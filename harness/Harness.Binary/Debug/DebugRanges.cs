namespace Harness.Binary.Debug;

/// <summary>Addresses [Low, High).</summary>
internal readonly record struct CodeRange(ulong Low, ulong High)
{
    public bool Contains(ulong address) => address >= Low && address < High;
}

/// <summary>Where the code of entries lies: one stretch, <c>.debug_ranges</c> (to version 4) or <c>.debug_rnglists</c>.</summary>
internal sealed class DebugRanges(DebugSections sections)
{
    private int _count;

    /// <summary>Those that are not empty.</summary>
    public CodeRange[] Of(DebugUnit unit, in DebugEntry entry)
    {
        if (entry.Ranges is { } ranges)
        {
            return [.. (unit.Version >= 5 ? Lists(unit, ranges, entry.RangesIsIndex) : Pairs(unit, ranges)).Where(r => r.High > r.Low)];
        }

        if (entry.Low is not { } low || entry.High is not { } high)
        {
            return [];
        }

        high = entry.HighIsLength ? unchecked(low + high) : high;
        return high > low ? [new CodeRange(low, high)] : [];
    }

    private List<CodeRange> Pairs(DebugUnit unit, ulong offset)
    {
        var found = new List<CodeRange>();
        var cursor = sections.At(".debug_ranges", offset);
        var start = unit.LowPc;
        while (true)
        {
            var (low, high) = (cursor.U64(), cursor.U64());
            if (low == 0 && high == 0)
            {
                return found;
            }

            if (low == ulong.MaxValue)
            {
                start = high;
                continue;
            }

            Add(found, unchecked(start + low), unchecked(start + high), ref cursor);
        }
    }

    private List<CodeRange> Lists(DebugUnit unit, ulong offset, bool isIndex)
    {
        var bytes = unit.IsWide ? 8 : 4;
        if (isIndex)
        {
            var table = unit.RangesBase ?? (unit.IsWide ? 20UL : 12UL);
            offset = unchecked(table + sections.Entry(".debug_rnglists", table, offset, bytes));
        }

        var found = new List<CodeRange>();
        var cursor = sections.At(".debug_rnglists", offset);
        var start = unit.LowPc;
        while (true)
        {
            switch (cursor.U8())
            {
                case 0: // DW_RLE_end_of_list
                    return found;
                case 1: // DW_RLE_base_addressx
                    start = unit.AddressAt(cursor.Uleb());
                    break;
                case 2: // DW_RLE_startx_endx
                    Add(found, unit.AddressAt(cursor.Uleb()), unit.AddressAt(cursor.Uleb()), ref cursor);
                    break;
                case 3: // DW_RLE_startx_length
                    AddLength(found, unit.AddressAt(cursor.Uleb()), cursor.Uleb(), ref cursor);
                    break;
                case 4: // DW_RLE_offset_pair
                    Add(found, unchecked(start + cursor.Uleb()), unchecked(start + cursor.Uleb()), ref cursor);
                    break;
                case 5: // DW_RLE_base_address
                    start = cursor.U64();
                    break;
                case 6: // DW_RLE_start_end
                    Add(found, cursor.U64(), cursor.U64(), ref cursor);
                    break;
                case 7: // DW_RLE_start_length
                    AddLength(found, cursor.U64(), cursor.Uleb(), ref cursor);
                    break;
                case var kind:
                    throw cursor.Bad($"has an entry of kind {kind}, which is not known");
            }
        }
    }

    private void AddLength(List<CodeRange> found, ulong low, ulong length, ref Cursor cursor) => Add(found, low, unchecked(low + length), ref cursor);

    /// <summary>Many entries may share one long list: what they add up to is bounded.</summary>
    private void Add(List<CodeRange> found, ulong low, ulong high, ref Cursor cursor)
    {
        if (++_count > sections.File.Limits.MaxDebugRanges)
        {
            throw cursor.Bad($"is referred to for more than {sections.File.Limits.MaxDebugRanges} ranges");
        }

        found.Add(new CodeRange(low, high));
    }
}
