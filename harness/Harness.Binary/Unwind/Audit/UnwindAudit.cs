namespace Harness.Binary.Unwind.Audit;

/// <summary>
/// Compares every FDE of a linked program with the machine code it describes, at every instruction that a path leads to: where the CFA is, where the
/// return address and the callee-saved registers are, that returns find the stack as it was; and that the tables themselves are whole.
/// </summary>
public static class UnwindAudit
{
    /// <param name="shortcomings">What is known; <see cref="Shortcoming.All"/> when null.</param>
    public static UnwindReport Run(ElfFile file, IReadOnlyList<Shortcoming>? shortcomings = null, UnwindLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var table = UnwindTable.Read(file, limits);
        var names = new SymbolNames(file);
        var image = CodeImage.Of(table, names);
        var check = new RowCheck(table, table.Limits);
        var walk = new FunctionWalk(image, check, new Transfer());
        var programs = table.Programs();
        foreach (var function in image.Functions)
        {
            var rows = programs.Run(function.Entry);
            if (rows.Problem is { } problem)
            {
                check.Note(FindingKind.Unreadable, function, problem.Fault.ToString(), "rows up to the end", problem.ToString());
            }

            if (function.Instructions.Length > 0)
            {
                walk.Run(function, rows, EntryDepth.Of(function.Name));
            }
        }

        List<UnwindFinding> findings = [.. check.Findings, .. TableAudit.Run(table, image, names), .. NameAudit.Run(table, image, names)];
        var counts = new AuditCounts(table.ByAddress.Count, walk.Instructions, walk.Unreached);
        return Excuse(findings, table, names, shortcomings ?? Shortcoming.All, counts);
    }

    private static UnwindReport Excuse(
        List<UnwindFinding> findings, UnwindTable table, SymbolNames names, IReadOnlyList<Shortcoming> shortcomings, AuditCounts counts)
    {
        var excused = new List<(UnwindFinding, Shortcoming)>();
        var rest = new List<UnwindFinding>();
        var met = new HashSet<(string, FindingKind)>();
        foreach (var finding in findings)
        {
            if (shortcomings.FirstOrDefault(s => s.Covers(finding)) is { } reason)
            {
                excused.Add((finding, reason));
                met.Add((reason.Function, finding.Kind));
            }
            else
            {
                rest.Add(finding);
            }
        }

        foreach (var shortcoming in shortcomings)
        {
            var missing = shortcoming.Kinds.Where(kind => !met.Contains((shortcoming.Function, kind))).ToList();
            if (missing.Count > (shortcoming.Any ? shortcoming.Kinds.Count - 1 : 0) && Place(shortcoming, table, names) is { } place)
            {
                rest.Add(new UnwindFinding(
                    FindingKind.Outdated, shortcoming.Function, place, 0, "", $"{string.Join(", ", missing)} ({shortcoming.Reason})",
                    "nothing of the kind: strike it from Shortcoming.All"));
            }
        }

        return new UnwindReport(rest, excused, counts);
    }

    /// <summary>Where what a shortcoming is about begins; null when the file has nothing of it.</summary>
    private static ulong? Place(Shortcoming shortcoming, UnwindTable table, SymbolNames names)
    {
        if (shortcoming.Function == Shortcoming.AnySelfHosted)
        {
            return table.ByAddress.FirstOrDefault(entry => entry.Common.IsSelfHosted)?.Start;
        }

        return shortcoming.Function.StartsWith('(')
            ? table.File.Section(shortcoming.Function.Trim('(', ')'))?.Address
            : names.AllOf(shortcoming.Function).Select(address => (ulong?)address).FirstOrDefault();
    }
}
