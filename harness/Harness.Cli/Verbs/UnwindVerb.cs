using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Binary.Unwind.Audit;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>unwind FILE</c>: compares the unwind rows of a linked program with its machine code, and shows a function's side by side.</summary>
internal static class UnwindVerb
{
    public static Command Create(VerbContext context)
    {
        var path = new Argument<string>("FILE") { Description = "A linked x86-64 ELF program or library" };
        var function = new Option<string?>("--function") { Description = "Show this function's instructions beside their rows", HelpName = "NAME" };
        var json = Options.Json();
        var command = new Command("unwind", "Compare the unwind rows of a program with its code; exit 1 when one contradicts it") { path, function, json };
        command.SetAction(result =>
        {
            var file = Load(result.GetRequiredValue(path));
            return result.GetValue(function) is { } name
                ? Show(context.Terminal, file, name, result.GetValue(json))
                : Report(context.Terminal, UnwindAudit.Run(file), result.GetValue(json));
        });
        return command;
    }

    private static ElfFile Load(string path)
    {
        try
        {
            return ElfFile.Load(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read ({e.Message}); give a program or library");
        }
    }

    private static int Report(Terminal terminal, UnwindReport report, bool json)
    {
        if (json)
        {
            terminal.Out.Write(JsonSerializer.Serialize(
                new
                {
                    entries = report.Counts.Entries, instructions = report.Counts.Instructions, unreached = report.Counts.Unreached,
                    findings = report.Findings.Select(Fields),
                    excused = report.Excused.Select(e => new { finding = Fields(e.Finding), reason = e.Reason.Reason }),
                }, CaseText.JsonOptions) + "\n");
        }
        else
        {
            terminal.Out.Write(Text(report));
        }

        return report.Findings.Count > 0 ? ExitCodes.Falsified : ExitCodes.Held;
    }

    private static object Fields(UnwindFinding finding) => new
    {
        kind = finding.Kind.ToString(), function = finding.Function, address = Hex(finding.Address), offset = finding.Offset,
        instruction = finding.Instruction, expected = finding.Expected, declared = finding.Declared, instructions = finding.Instructions,
    };

    private static string Text(UnwindReport report)
    {
        var text = new StringBuilder();
        foreach (var finding in report.Findings)
        {
            text.Append(CultureInfo.InvariantCulture, $"{finding}\n");
        }

        foreach (var group in report.Excused.GroupBy(e => e.Reason))
        {
            var kinds = string.Join(", ", group.Select(e => e.Finding.Kind).Distinct());
            text.Append(CultureInfo.InvariantCulture, $"known: {group.Key.Function} ({group.Count()}: {kinds}): {group.Key.Reason}\n");
        }

        var counts = report.Counts;
        return text.Append(CultureInfo.InvariantCulture, $"{report.Findings.Count} contradictions, {report.Excused.Count} known; ")
            .Append(CultureInfo.InvariantCulture, $"{counts.Entries:N0} FDEs, {counts.Instructions:N0} instructions compared, {counts.Unreached:N0} that no path reaches\n")
            .ToString();
    }

    private static int Show(Terminal terminal, ElfFile file, string name, bool json)
    {
        var lines = UnwindAudit.List(file, name);
        if (lines.Count == 0)
        {
            throw new UsageException($"{file.Name} has no FDE for a function {name}; names are those of the symbol table, as nm prints them");
        }

        terminal.Out.Write(json
            ? JsonSerializer.Serialize(
                lines.Select(l => new { address = Hex(l.Address), offset = l.Offset, instruction = l.Instruction, row = l.Row, contradictions = l.Contradictions }),
                CaseText.JsonOptions) + "\n"
            : Side(lines));
        return lines.Any(line => line.Contradictions.Count > 0) ? ExitCodes.Falsified : ExitCodes.Held;
    }

    private static string Side(IReadOnlyList<ListedInstruction> lines)
    {
        const int widest = 48;
        var width = Math.Min(widest, lines.Max(line => line.Instruction.Length));
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Hex(line.Address)} +{line.Offset:x4}  {line.Instruction.PadRight(width)}  {line.Row}\n");
            foreach (var contradiction in line.Contradictions)
            {
                text.Append(CultureInfo.InvariantCulture, $"    ^ {contradiction}\n");
            }
        }

        return text.ToString();
    }

    private static string Hex(ulong address) => address.ToString("x", CultureInfo.InvariantCulture);
}
