using Harness.Binary.Flow;

namespace Harness.Binary.Unwind.Audit;

/// <summary>
/// Compares every FDE of a linked program with the machine code it describes, at every instruction that a path leads to: where the CFA is, where the
/// return address and the callee-saved registers are, that returns find the stack as it was; and that the tables themselves are whole.
/// </summary>
public static class UnwindAudit
{
    /// <summary>Of a file that is broken altogether, no more are told.</summary>
    private const int MaxFindings = 10_000;

    /// <param name="shortcomings">What is known; <see cref="Shortcoming.All"/> when null.</param>
    public static UnwindReport Run(ElfFile file, IReadOnlyList<Shortcoming>? shortcomings = null, UnwindLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var table = UnwindTable.Read(file, limits);
        var names = new SymbolNames(file);
        using var image = CodeImage.Of(table, names);
        var check = new RowCheck(table, table.Limits);
        var walk = Walk(image, check, image.Functions);
        List<UnwindFinding> findings =
            [.. check.Findings.Concat(TableAudit.Run(table, image, names)).Concat(NameAudit.Run(table, image, names)).Take(MaxFindings)];
        var counts = new AuditCounts(table.ByAddress.Count, walk.Instructions, walk.Unreached);
        return Excuse(findings, image, names, shortcomings ?? Shortcoming.All, counts);
    }

    /// <summary>Instructions of the functions of a name, each with its row and what contradicts it.</summary>
    public static IReadOnlyList<ListedInstruction> List(ElfFile file, string function)
    {
        ArgumentNullException.ThrowIfNull(file);
        var table = UnwindTable.Read(file);
        using var image = CodeImage.Of(table, new SymbolNames(file));
        var functions = image.Functions.Where(f => f.Name == function).ToList();
        var notes = new Dictionary<ulong, List<string>>();
        Walk(image, new RowCheck(table, table.Limits, Note), functions);
        return [.. functions.SelectMany(f => Listed(f, table.Rows(f.Entry)))];

        void Note(ulong address, string text)
        {
            if (!notes.TryGetValue(address, out var list))
            {
                notes[address] = list = [];
            }

            list.Add(text);
        }

        List<ListedInstruction> Listed(CodeFunction f, UnwindRows rows)
        {
            var listed = new List<ListedInstruction>();
            foreach (ref readonly var instruction in f.Instructions)
            {
                listed.Add(new ListedInstruction(
                    instruction.IP, (long)(instruction.IP - f.Entry.Start), instruction.IsInvalid ? "(bad)" : instruction.ToString(),
                    rows.At(instruction.IP)?.ToString() ?? "none", notes.GetValueOrDefault(instruction.IP) ?? []));
            }

            return listed;
        }
    }

    private static FunctionWalk Walk(CodeImage image, RowCheck check, List<CodeFunction> functions)
    {
        var walk = new FunctionWalk(image, check, new Transfer());
        var programs = image.Table.Programs();
        foreach (var function in functions)
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

        return walk;
    }

    private static UnwindReport Excuse(
        List<UnwindFinding> findings, CodeImage image, SymbolNames names, IReadOnlyList<Shortcoming> shortcomings, AuditCounts counts)
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
            if (missing.Count > (shortcoming.Any ? shortcoming.Kinds.Count - 1 : 0) && Place(shortcoming, image, names) is { } place)
            {
                rest.Add(new UnwindFinding(
                    FindingKind.Outdated, shortcoming.Function, place, 0, "", $"{string.Join(", ", missing)} ({shortcoming.Reason})",
                    "nothing of the kind: strike it from Shortcoming.All"));
            }
        }

        return new UnwindReport(rest, excused, counts);
    }

    /// <summary>What a compiler does in some functions need not show in a file of few.</summary>
    private const int EnoughFunctions = 400;

    /// <summary>Where what a shortcoming is about begins; null when the file has nothing of it.</summary>
    private static ulong? Place(Shortcoming shortcoming, CodeImage image, SymbolNames names)
    {
        if (shortcoming.Function == Shortcoming.AnySelfHosted)
        {
            var some = image.Table.ByAddress.Where(entry => entry.Common.IsSelfHosted).Take(EnoughFunctions).ToList();
            return some.Count == EnoughFunctions ? some[0].Start : null;
        }

        return shortcoming.Function.StartsWith('(')
            ? image.Table.File.Section(shortcoming.Function.Trim('(', ')'))?.Address
            : names.AllOf(shortcoming.Function).Concat(image.Functions.Where(f => f.Name == shortcoming.Function).Select(f => f.Entry.Start))
                .Select(address => (ulong?)address).FirstOrDefault();
    }
}
