namespace Harness.Binary.Unwind.Audit;

/// <summary>Whether the tables are whole: every function has its FDE and no FDE has another's code, and the search table agrees with the section.</summary>
internal static class TableAudit
{
    /// <summary>Programs have a handful.</summary>
    private const int MaxCodeSections = 64;

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

        foreach (var finding in Overlaps(table, names).Concat(Functions(table, names)).Concat(Gaps(table, names)).Concat(Search(table, names)))
        {
            yield return finding;
        }
    }

    private static UnwindFinding At(FindingKind kind, SymbolNames names, ulong address, string expected, string declared) =>
        new(kind, names.At(address), address, names.OffsetAt(address), "", expected, declared);

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

    /// <summary>A function symbol of a size and the FDE at its beginning are of one range; what assembly has outside of all FDEs is <see cref="Gaps"/>'s.</summary>
    private static IEnumerable<UnwindFinding> Functions(UnwindTable table, SymbolNames names)
    {
        var seen = 0UL;
        foreach (var symbol in names.Symbols.Where(s => s is { Type: ElfSymbolType.Function, Size: > 0 }))
        {
            var end = unchecked(symbol.Value + symbol.Size);
            if (symbol.Value < seen || end < symbol.Value || table.Find(symbol.Value) is not { } entry)
            {
                continue; // Another name of the same code, a label inside it, or nothing to compare with.
            }

            seen = end;
            // The byte that a synthetic return address needs before it belongs to the FDE and not to the symbol.
            var isLate = entry.Start != symbol.Value && !Padding.Is(table.File, entry.Start, symbol.Value);
            if (isLate || (entry.End != end && !Padding.Is(table.File, Math.Min(end, entry.End), Math.Max(end, entry.End))))
            {
                yield return At(
                    FindingKind.WrongRange, names, symbol.Value, $"an FDE over {symbol.Value:x}..{end:x}", $"one over {entry.Start:x}..{entry.End:x}");
            }
        }
    }

    /// <summary>Code between FDEs: a finding for each function, and for what has no name each run of bytes.</summary>
    private static IEnumerable<UnwindFinding> Gaps(UnwindTable table, SymbolNames names)
    {
        var debugOnly = new List<ulong>();
        foreach (var section in table.File.Sections.Where(s => s.IsCode && s.Type is ElfSectionType.ProgramBits).Take(MaxCodeSections))
        {
            FrameEntry? previous = null;
            var (at, end) = (section.Address, unchecked(section.Address + section.Size));
            foreach (var entry in table.ByAddress.Where(e => e.Section.IsAllocated && e.End > at && e.Start < end).Append(null))
            {
                // Between functions of the self-hosted backend its linker leaves what was there before.
                var isLeftOver = (previous ?? entry)?.Common.IsSelfHosted is true || entry?.Common.IsSelfHosted is true;
                foreach (var finding in Gap(table, names, section, at, entry?.Start ?? end))
                {
                    if (table.Find(finding.Address) is not null)
                    {
                        debugOnly.Add(finding.Address);
                    }
                    else if (!isLeftOver || names.IsNamed(finding.Address))
                    {
                        yield return finding;
                    }
                }

                previous = entry;
                at = Math.Max(at, entry?.End ?? end);
            }
        }

        if (debugOnly.Count > 0)
        {
            yield return new UnwindFinding(
                FindingKind.NoEntry, "(.debug_frame)", debugOnly[0], 0, "", "FDEs that unwinders find at run time",
                $"{debugOnly.Count} functions, from {names.At(debugOnly[0])} on, with FDEs in .debug_frame only");
        }
    }

    private static IEnumerable<UnwindFinding> Gap(UnwindTable table, SymbolNames names, ElfSection section, ulong start, ulong end)
    {
        ulong next;
        for (var at = start; at < end; at = next)
        {
            next = Math.Max(at + 1, names.NextAfter(at, end));
            if (Padding.FirstCode(table.File, at, next) is { } code)
            {
                var finding = At(FindingKind.NoEntry, names, code, "an FDE", $"none over {start:x}..{end:x} of {section.Name}");
                yield return names.IsNamed(code) ? finding : finding with { Function = $"({section.Name})", Offset = (long)(code - section.Address) };
            }
        }
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
