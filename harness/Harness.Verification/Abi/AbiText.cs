using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Harness.Verification.Abi;

/// <summary>Fingerprints for people.</summary>
public static class AbiText
{
    private const int ShownType = 24;
    private static readonly HashSet<string> _alone = [.. AbiType.All.Select(type => $"({type}) void")];

    /// <summary>A table for each convention, with a column of every cell's; cells that are alike share one.</summary>
    public static string Of(AbiFingerprint fingerprint)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"Zig {fingerprint.Zig}, measured\n");
        foreach (var cell in fingerprint.Cells.Where(cell => cell.Problem is not null))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{cell.Cell}: not measured: {cell.Problem!.Split('\n')[0]}\n");
        }

        foreach (var group in fingerprint.Cells.Where(cell => cell.Problem is null).GroupBy(Shown))
        {
            text.Append('\n').AppendJoin(", ", group.Select(cell => cell.Cell)).Append('\n').Append(group.Key);
        }

        return text.ToString();
    }

    /// <summary>What became of a comparison.</summary>
    public static string Of(AbiFingerprint before, AbiFingerprint after, ImmutableArray<string> differences)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        return differences.IsEmpty
            ? $"the conventions of Zig {after.Zig} are those of {before.Zig}: {after.Cells.Sum(cell => cell.Facts.Length):N0} facts in {after.Cells.Length} cells\n"
            : $"{differences.Length} of Zig {after.Zig}'s conventions differ from {before.Zig}'s:\n{string.Concat(differences.Select(sentence => $"  {sentence}\n"))}";
    }

    private static string Shown(AbiCellFacts cell)
    {
        var text = new StringBuilder();
        foreach (var convention in cell.Facts.Select(fact => fact.Convention).Where(c => c.Length > 0).Distinct())
        {
            var facts = cell.Facts.Where(fact => fact.Convention == convention).ToList();
            text.Append(CultureInfo.InvariantCulture, $"  {convention}\n");
            Line(text, "preserves", Registers(facts, AbiTopic.Preserves));
            Line(text, "relied upon", Registers(facts, AbiTopic.ReliesOn));
            Line(text, "words", Of(facts, AbiTopic.Arguments, fact => fact.Subject.StartsWith("(u64, u64, u64, u64,", StringComparison.Ordinal)));
            Line(text, "floats", Of(facts, AbiTopic.Arguments, fact => fact.Subject.StartsWith("(f64, f64,", StringComparison.Ordinal)));
            Grouped(text, "argument", facts.Where(fact => fact.Topic is AbiTopic.Arguments && _alone.Contains(fact.Subject)).Select(fact => (Name(fact.Subject), fact.Value)));
            Grouped(text, "result", facts.Where(fact => fact.Topic is AbiTopic.Result).Select(fact => (fact.Subject, fact.Value)));
            Grouped(text, "error trace", facts.Where(fact => fact.Topic is AbiTopic.TracePointer).Select(fact => (fact.Subject, fact.Value)));
            Line(text, "stack", $"a multiple of {Of(facts, AbiTopic.StackAlignment, _ => true)} at calls; frame pointer: {string.Join(", ", facts.Where(f => f.Topic is AbiTopic.FramePointer).Select(f => $"{f.Subject} {f.Value}"))}; red zone {Of(facts, AbiTopic.RedZone, _ => true)}");
            Line(text, "disagreements", Of(facts, AbiTopic.Disagreement, _ => true).Replace("; ", "\n                   ", StringComparison.Ordinal));
        }

        Grouped(text, "limit slot", cell.Facts.Where(fact => fact.Topic is AbiTopic.LimitSlot).Select(fact => (fact.Subject, fact.Value)));
        return text.ToString();
    }

    private static string Name(string signature) => signature[1..signature.LastIndexOf(')')];

    private static string Registers(List<AbiFact> facts, AbiTopic topic) => string.Join(' ', facts.Where(fact => fact.Topic == topic && fact.Value == AbiWords.Yes).Select(fact => fact.Subject));

    private static string Of(List<AbiFact> facts, AbiTopic topic, Func<AbiFact, bool> chosen) => facts.Find(fact => fact.Topic == topic && chosen(fact))?.Value ?? "not measured";

    private static void Grouped(StringBuilder text, string name, IEnumerable<(string Subject, string Value)> facts)
    {
        foreach (var group in facts.GroupBy(fact => fact.Value))
        {
            Line(text, name, $"{group.Key,-ShownType} {string.Join(", ", group.Select(fact => fact.Subject))}");
        }
    }

    private static void Line(StringBuilder text, string name, string value) => text.Append(CultureInfo.InvariantCulture, $"    {name,-14} {value}\n");
}
