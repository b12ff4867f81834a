using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Binary.StackUse;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.Verbs;

/// <summary><c>reserve FILE</c>: how much stack the functions of a program or object need, from its call graph.</summary>
internal static class ReserveVerb
{
    private const int ShownEntries = 10;
    private const int ShownReasons = 12;

    public static Command Create(VerbContext context)
    {
        var file = new Argument<string>("FILE") { Description = "An ELF executable or object for x86-64, with symbols" };
        var entry = Options.Words("--entry", "Functions to look at (default: all that have a check, or all)", "NAME");
        var pointer = Options.Words("--pointer", "Functions to which calls by pointer may go (default: any of a unit; elsewhere such calls have no bound)", "NAME");
        var json = Options.Json();
        var command = new Command("reserve", "Compute from the call graph of a program how much stack its functions need: slack and reserve") { file, entry, pointer, json };
        command.SetAction(result =>
        {
            var report = Analyse(result.GetRequiredValue(file), result.GetValue(entry) ?? [], result.GetValue(pointer) ?? []);
            context.Terminal.Out.Write(result.GetValue(json) ? Json(report) : Render(report));
            return ExitCodes.Held;
        });
        return command;
    }

    /// <exception cref="UsageException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It cannot be analysed; the message says why.</exception>
    private static ReserveReport Analyse(string path, string[] entries, string[] pointers)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"there is no file {path}; give an ELF executable or object");
        }

        try
        {
            return ReserveAnalysis.Run(ElfFile.Load(path), entries, pointers);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentUnusableException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static string Render(ReserveReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"functions   {report.Functions}, of them {report.Checked} with a check\n")
            .Append($"slack       {Bytes(report.SlackBytes)}: used below the limit without asking, at most (the runtime keeps {Bytes(RuntimeRecipe.SlackBytes)} there)\n")
            .Append($"reserve     {Bytes(report.ReserveBytes)}: suffices for whatever may run on it, wherever it splits: to the first checkpoint of each way\n\n");
        var shown = report.Entries
            .OrderByDescending(entry => entry.BelowLimit.Holds ? entry.BelowLimit.Bytes : long.MaxValue)
            .ThenByDescending(entry => entry.Whole.Bytes).Take(ShownEntries).ToList();
        foreach (var entry in shown)
        {
            Append(text, entry);
        }

        if (report.Entries.Length > shown.Count)
        {
            text.Append(CultureInfo.InvariantCulture, $"… and {report.Entries.Length - shown.Count} more; --entry NAME shows one, --json all\n");
        }

        AppendReasons(text, report);
        return text.ToString();
    }

    private static void Append(StringBuilder text, EntryNeed entry) => text.Append(CultureInfo.InvariantCulture, $"{entry.Name}\n")
        .Append($"  {(entry.IsChecked ? "below its check" : "unchecked      ")}  {Line(entry.BelowLimit)}\n")
        .Append($"  without splits   {Line(entry.Whole)}\n")
        .Append($"  on the reserve   {(entry.Reserve.Holds ? Bytes(entry.Reserve.Bytes) : $"no bound ({Reasons(entry.Reserve.Without.Length)})")}\n");

    private static string Line(StackBound bound) =>
        $"{(bound.Holds ? Bytes(bound.Bytes) : $"no bound ({Bytes(bound.Bytes)} without {Reasons(bound.Without.Length)})")}: {Chain(bound)}";

    private static string Reasons(int count) => count == 1 ? "what has none" : $"{count} things that have none";

    private static string Chain(StackBound bound) => string.Join(" > ", bound.Chain.Select(link => $"{link.Name} {link.Bytes.ToString("N0", CultureInfo.InvariantCulture)}"));

    private static void AppendReasons(StringBuilder text, ReserveReport report)
    {
        if (report.Unbounded.IsEmpty)
        {
            return;
        }

        text.Append("\nno bound\n");
        foreach (var reason in report.Unbounded.Take(ShownReasons))
        {
            text.Append($"  {reason}\n");
        }

        if (report.Unbounded.Length > ShownReasons)
        {
            text.Append(CultureInfo.InvariantCulture, $"  … and {report.Unbounded.Length - ShownReasons} more (--json has them)\n");
        }
    }

    private static string Bytes(long? bytes) => bytes is { } b ? $"{b.ToString("N0", CultureInfo.InvariantCulture)} bytes" : "no bound";

    private static string Json(ReserveReport report) => JsonSerializer.Serialize(
        new
        {
            functions = report.Functions,
            @checked = report.Checked,
            slackBytes = report.SlackBytes,
            reserveBytes = report.ReserveBytes,
            unbounded = report.Unbounded.Select(reason => reason.ToString()),
            entries = report.Entries.Select(entry => new
            {
                name = entry.Name,
                isChecked = entry.IsChecked,
                belowLimit = Part(entry.BelowLimit),
                withoutSplits = Part(entry.Whole),
                onReserve = Part(entry.Reserve),
            }),
        },
        CaseText.JsonOptions) + "\n";

    private static object Part(StackBound bound) => new
    {
        bytes = bound.Bytes,
        holds = bound.Holds,
        chain = bound.Chain.Select(link => new { function = link.Name, bytes = link.Bytes }),
        unbounded = bound.Without.Select(reason => reason.ToString()),
    };
}
