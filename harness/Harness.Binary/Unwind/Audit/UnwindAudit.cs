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
                check.Note(
                    FindingKind.Unreadable, function.Entry, function.Name, function.Entry.Start, "", problem.Fault.ToString(), "rows up to the end", problem.ToString());
            }

            if (function.Instructions.Length > 0)
            {
                walk.Run(function, rows, EntryDepth.Of(function.Name));
            }
        }

        List<UnwindFinding> findings = [.. check.Findings, .. TableAudit.Run(table, image, names), .. NameAudit.Run(table, image, names)];
        var counts = new AuditCounts(table.ByAddress.Count, walk.Instructions, walk.Unreached);
        return Excuse(findings, names, shortcomings ?? Shortcoming.All, counts);
    }

    private static UnwindReport Excuse(List<UnwindFinding> findings, SymbolNames names, IReadOnlyList<Shortcoming> shortcomings, AuditCounts counts)
    {
        var excused = new List<(UnwindFinding, Shortcoming)>();
        var rest = new List<UnwindFinding>();
        var met = new HashSet<(Shortcoming, FindingKind)>();
        foreach (var finding in findings)
        {
            if (shortcomings.FirstOrDefault(s => s.Function == finding.Function && s.Kinds.Contains(finding.Kind)) is { } reason)
            {
                excused.Add((finding, reason));
                met.Add((reason, finding.Kind));
            }
            else
            {
                rest.Add(finding);
            }
        }

        foreach (var shortcoming in shortcomings)
        {
            var missing = shortcoming.Kinds.Where(kind => !met.Contains((shortcoming, kind))).ToList();
            if (missing.Count > 0 && names.AllOf(shortcoming.Function).Any())
            {
                rest.Add(new UnwindFinding(
                    FindingKind.Outdated, shortcoming.Function, names.AllOf(shortcoming.Function).First(), 0, "",
                    $"{string.Join(", ", missing)} ({shortcoming.Reason})", "nothing of the kind: strike it from Shortcoming.All"));
            }
        }

        return new UnwindReport(rest, excused, counts);
    }
}
