namespace Harness.Binary.Unwind.Audit;

/// <summary>Whether the tables are whole: every function has its FDE and no FDE has another's code, and the search table agrees with the section.</summary>
internal static class TableAudit
{
    public static IEnumerable<UnwindFinding> Run(UnwindTable table, CodeImage image, SymbolNames names)
    {
        foreach (var problem in table.Problems)
        {
            yield return new UnwindFinding(FindingKind.Unreadable, "(tables)", problem.Place, 0, "", "call frame information that can be read", problem.ToString());
        }

        foreach (var entry in image.Outside)
        {
            yield return At(FindingKind.NotCode, names, entry.Start, "an FDE over code of the file", $"one over {entry.Start:x}..{entry.End:x}");
        }

        foreach (var finding in Overlaps(table, names).Concat(Functions(table, names)).Concat(Search(table, names)))
        {
            yield return finding;
        }
    }

    private static UnwindFinding At(FindingKind kind, SymbolNames names, ulong address, string expected, string declared) =>
        new(kind, names.At(address), address, 0, "", expected, declared);

    private static IEnumerable<UnwindFinding> Overlaps(UnwindTable table, SymbolNames names)
    {
        for (var i = 1; i < table.ByAddress.Count; i++)
        {
            var (previous, entry) = (table.ByAddress[i - 1], table.ByAddress[i]);
            if (entry.Start < previous.End && entry.Section == previous.Section)
            {
                yield return At(
                    FindingKind.Overlap, names, entry.Start, $"code with one FDE", $"{previous.Start:x}..{previous.End:x} and {entry.Start:x}..{entry.End:x}");
            }
        }
    }

    /// <summary>Each function symbol of a size has one FDE with its beginning; the end may lie in another one (fragments), but no hole in between.</summary>
    private static IEnumerable<UnwindFinding> Functions(UnwindTable table, SymbolNames names)
    {
        var seen = 0UL;
        foreach (var symbol in names.Symbols.Where(s => s is { Type: ElfSymbolType.Function, Size: > 0 }))
        {
            if (symbol.Value < seen)
            {
                continue; // Another name of the same code, or a label inside it.
            }

            seen = unchecked(symbol.Value + symbol.Size);
            var entry = table.Find(symbol.Value);
            if (entry is null)
            {
                yield return At(FindingKind.NoEntry, names, symbol.Value, "an FDE", "none");
            }
            else if (entry.Start != symbol.Value)
            {
                yield return At(FindingKind.EntryInsideFunction, names, symbol.Value, "an FDE that begins with the function", $"one from {entry.Start:x}");
            }
            else if (seen > entry.End && !IsPadding(table.File, entry.End, seen))
            {
                yield return At(FindingKind.NoEntry, names, symbol.Value, $"an FDE up to {seen:x}", $"one up to {entry.End:x}");
            }
            else if (entry.End > seen && !IsPadding(table.File, seen, entry.End))
            {
                yield return At(FindingKind.EntryInsideFunction, names, symbol.Value, $"an FDE up to {seen:x}", $"one up to {entry.End:x}, over other code");
            }
        }
    }

    /// <summary>Nothing but int3, nop and zero bytes.</summary>
    private static bool IsPadding(ElfFile file, ulong start, ulong end)
    {
        var bytes = file.Memory(start);
        return end - start <= (ulong)bytes.Length && bytes[..(int)(end - start)].IndexOfAnyExcept((byte)0xcc, (byte)0x90, (byte)0) < 0;
    }

    private static IEnumerable<UnwindFinding> Search(UnwindTable table, SymbolNames names)
    {
        if (table.Search is not { } search)
        {
            if (table.ByAddress.Any(entry => entry.Section.IsAllocated))
            {
                yield return new UnwindFinding(FindingKind.SearchTable, "(tables)", 0, 0, "", "a search table (.eh_frame_hdr)", "none that can be read");
            }

            yield break;
        }

        if (table.File.Section(".eh_frame") is { } section && search.Frames != section.Address)
        {
            yield return new UnwindFinding(FindingKind.SearchTable, "(tables)", section.Address, 0, "", $".eh_frame at {section.Address:x}", $"{search.Frames:x}");
        }

        for (var i = 1; i < search.Rows.Count; i++)
        {
            if (search.Rows[i].Start <= search.Rows[i - 1].Start)
            {
                yield return At(FindingKind.SearchTable, names, search.Rows[i].Start, "rows in order of address", $"{search.Rows[i - 1].Start:x} before");
            }
        }

        foreach (var entry in table.ByAddress.Where(entry => entry.Section.IsAllocated))
        {
            if (!ReferenceEquals(table.FindBySearchTable(entry.Start), entry) || !ReferenceEquals(table.FindBySearchTable(entry.End - 1), entry))
            {
                yield return At(FindingKind.SearchTable, names, entry.Start, "the function's own FDE", Other(table.FindBySearchTable(entry.Start)));
            }
        }
    }

    private static string Other(FrameEntry? entry) => entry is null ? "none" : $"the one of {entry.Start:x}..{entry.End:x}";
}
