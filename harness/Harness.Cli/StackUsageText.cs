using System.Globalization;
using System.Text;
using Harness.Binary.StackUse;

namespace Harness.Cli;

/// <summary>A <see cref="UsageReport"/> for people and as JSON.</summary>
internal static class StackUsageText
{
    private const int ShownEntries = 40;
    private const int ShownChains = 5;
    private const int ShownReasons = 12;
    private const int ShownLinks = 40;

    public static string Of(string title, UsageReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{title}\n{report.Walked:N0} of {report.Functions:N0} functions can be reached{(report.Checked > 0 ? string.Create(CultureInfo.InvariantCulture, $", {report.Checked:N0} with a check") : "")}\n\n");
        AppendTable(text, report);
        foreach (var entry in report.Entries.Take(ShownChains))
        {
            AppendChain(text, entry);
        }

        AppendReasons(text, report);
        return text.Append('\n').ToString();
    }

    private static void AppendTable(StringBuilder text, UsageReport report)
    {
        var shown = report.Entries.Take(ShownEntries).ToList();
        var width = Math.Min(60, shown.Max(entry => entry.Name.Length));
        var hasChecks = report.Checked > 0;
        text.Append(CultureInfo.InvariantCulture, $"{"entry".PadRight(width)}  {"bytes",12}{(hasChecks ? $"  {"up front",12}" : "")}\n");
        foreach (var entry in shown)
        {
            var bytes = entry.Holds ? Number(entry.Bytes) : "no bound";
            text.Append(CultureInfo.InvariantCulture, $"{entry.Name.PadRight(width)}  {bytes,12}{(hasChecks ? $"  {(entry.UpfrontBytes is { } upfront ? Number(upfront) : "splits"),12}" : "")}");
            text.Append(entry.Holds ? "\n" : string.Create(CultureInfo.InvariantCulture, $"  (at least {entry.Bytes:N0}; {entry.Without.Length} without)\n"));
        }

        if (report.Entries.Length > shown.Count)
        {
            text.Append(CultureInfo.InvariantCulture, $"… and {report.Entries.Length - shown.Count} more; --json has all\n");
        }
    }

    /// <summary>The worst path, a function a line: what lies between its return address and the next one's, that included.</summary>
    private static void AppendChain(StringBuilder text, EntryUsage entry)
    {
        text.Append(CultureInfo.InvariantCulture, $"\nworst path of {entry.Name}{(entry.Holds ? "" : ", as far as it has a bound")}\n  {EntryUsage.ReturnAddressBytes,10:N0}  its return address\n");
        // A check of its own symbol that goes straight on into its function.
        var chain = entry.Chain.Where(link => link.Bytes > 0 || StackUsage.PlainName(link.Name) == link.Name).ToList();
        foreach (var link in chain.Take(ShownLinks))
        {
            text.Append(CultureInfo.InvariantCulture, $"  {link.Bytes,10:N0}  {link.Name}\n");
        }

        if (chain.Count > ShownLinks)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {chain.Skip(ShownLinks).Sum(link => link.Bytes),10:N0}  {chain.Count - ShownLinks} more\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"  {entry.Bytes,10:N0}\n");
    }

    private static void AppendReasons(StringBuilder text, UsageReport report)
    {
        (string Title, Func<Unbounded, bool> Is)[] kinds =
        [
            ("cycles", reason => reason is Unbounded.Recursion), ("calls by pointer", reason => reason is Unbounded.IndirectCall),
            ("calls of what is not in the file", reason => reason is Unbounded.ExternalCall), ("stack whose size is decided when it runs", reason => reason is Unbounded.DynamicStack),
            ("not followed", reason => reason is Unbounded.NotFollowed),
        ];
        foreach (var (title, isOne) in kinds)
        {
            var reasons = report.Without.Where(isOne).ToList();
            if (reasons.Count == 0)
            {
                continue;
            }

            text.Append($"\nno bound: {title}\n");
            reasons.Take(ShownReasons).ToList().ForEach(reason => text.Append($"  {Line(reason, report)}\n"));
            if (reasons.Count > ShownReasons)
            {
                text.Append(CultureInfo.InvariantCulture, $"  … and {reasons.Count - ShownReasons} more; --json has them\n");
            }
        }
    }

    private static string Line(Unbounded reason, UsageReport report)
    {
        var where = report.Lines.TryGetValue(reason.Place, out var line) ? $" ({line})" : "";
        return reason is Unbounded.Recursion { Cycle: { IsEmpty: false } } recursion && Plain(recursion.Cycle) is var cycle
            ? string.Join(" > ", cycle.Append(cycle[0])) + (Plain(recursion.Functions).Distinct().Count() is var all && all > cycle.Count ? $"   (a shortest way round; {all} functions call one another)" : "")
            : reason + where;
    }

    /// <summary>Functions and their checks, each once where one follows the other.</summary>
    private static List<string> Plain(IEnumerable<string> names)
    {
        var result = new List<string>();
        foreach (var name in names.Select(StackUsage.PlainName))
        {
            if (result.Count == 0 || result[^1] != name)
            {
                result.Add(name);
            }
        }

        if (result.Count > 1 && result[^1] == result[0])
        {
            result.RemoveAt(result.Count - 1);
        }

        return result;
    }

    public static object Fields(string title, UsageReport report) => new
    {
        title,
        functions = report.Functions,
        reached = report.Walked,
        @checked = report.Checked,
        entries = report.Entries.Select(entry => new
        {
            name = entry.Name,
            bytes = entry.Holds ? entry.Bytes : (long?)null,
            atLeast = entry.Bytes,
            upfrontBytes = entry.UpfrontBytes,
            worst = entry.Chain.Select(link => new { function = link.Name, bytes = link.Bytes }),
            unbounded = entry.Without.Select(reason => Fields(reason, report)),
        }),
    };

    private static object Fields(Unbounded reason, UsageReport report) => new
    {
        kind = reason switch
        {
            Unbounded.Recursion => "cycle",
            Unbounded.IndirectCall => "indirectCall",
            Unbounded.ExternalCall => "undefined",
            Unbounded.DynamicStack => "dynamicStack",
            _ => "notFollowed",
        },
        text = reason.ToString(),
        cycle = reason is Unbounded.Recursion recursion ? recursion.Cycle : [],
        line = report.Lines.GetValueOrDefault(reason.Place),
    };

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
