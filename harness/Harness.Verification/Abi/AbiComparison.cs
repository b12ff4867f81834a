using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>What differs between two fingerprints, each difference a sentence.</summary>
public static class AbiComparison
{
    /// <summary>In the order of the newer one.</summary>
    public static ImmutableArray<string> Differences(AbiFingerprint before, AbiFingerprint after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var sentences = ImmutableArray.CreateBuilder<string>();
        foreach (var cell in after.Cells)
        {
            var old = before.Cells.FirstOrDefault(other => other.Cell == cell.Cell);
            if (old is null)
            {
                sentences.Add($"{cell.Cell} was not measured before");
            }
            else
            {
                sentences.AddRange(Differences(old, cell));
            }
        }

        sentences.AddRange(before.Cells.Where(old => after.Cells.All(cell => cell.Cell != old.Cell)).Select(old => $"{old.Cell} is no longer measured"));
        return sentences.ToImmutable();
    }

    private static IEnumerable<string> Differences(AbiCellFacts before, AbiCellFacts after)
    {
        var where = Where(after.Cell);
        if (before.Problem is not null || after.Problem is not null)
        {
            return (before.Problem, after.Problem) switch
            {
                (null, { } problem) => [$"nothing can be measured any more {where}: {FirstLine(problem)}"],
                ({ }, null) => [$"what could not be measured before can be {where}"],
                _ => [],
            };
        }

        var old = before.Facts.ToLookup(fact => fact.Key);
        var now = after.Facts.ToLookup(fact => fact.Key);
        return after.Facts.SelectMany(fact => old[fact.Key].Select(o => o.Value).FirstOrDefault() is var value && value == fact.Value ? (string[])[] : [Sentence(fact, value, where)])
            .Concat(before.Facts.Where(fact => !now.Contains(fact.Key)).Select(fact => $"{Name(fact)} is no longer measured {where}"));
    }

    /// <param name="before">Null: it was not measured.</param>
    private static string Sentence(AbiFact fact, string? before, string where) => (fact.Topic, before, fact.Value) switch
    {
        (_, null, _) => $"{Name(fact)}, not measured before, is {fact.Value} {where}",
        (AbiTopic.Preserves, _, AbiWords.No) => $"{fact.Subject} is no longer preserved by `{fact.Convention}` {where}",
        (AbiTopic.Preserves, _, _) => $"{fact.Subject} is now preserved by `{fact.Convention}` {where}",
        (AbiTopic.ReliesOn, _, AbiWords.Yes) => $"callers of `{fact.Convention}` functions now rely on {fact.Subject} {where}",
        (AbiTopic.ReliesOn, _, _) => $"callers of `{fact.Convention}` functions no longer rely on {fact.Subject} {where}",
        (AbiTopic.Arguments, _, _) => $"arguments of `{fact.Convention}` {fact.Subject} were in {before} and are in {fact.Value} {where}",
        (AbiTopic.Result, _, _) => $"the result {fact.Subject} of `{fact.Convention}` functions was in {before} and is in {fact.Value} {where}",
        (AbiTopic.FramePointer, _, AbiWords.No) => $"a `{fact.Convention}` {fact.Subject} no longer keeps a frame pointer {where}",
        (AbiTopic.FramePointer, _, AbiWords.Yes) => $"a `{fact.Convention}` {fact.Subject} now keeps a frame pointer {where}",
        _ => $"{Name(fact)} was {before} and is {fact.Value} {where}",
    };

    private static string Name(AbiFact fact) => fact.Topic switch
    {
        AbiTopic.Arguments => $"the place of arguments of `{fact.Convention}` {fact.Subject}",
        AbiTopic.Result => $"the place of the result {fact.Subject} of `{fact.Convention}` functions",
        AbiTopic.Preserves => $"whether `{fact.Convention}` preserves {fact.Subject}",
        AbiTopic.ReliesOn => $"whether callers of `{fact.Convention}` functions rely on {fact.Subject}",
        AbiTopic.TracePointer => $"the place of the error return trace for functions that return {fact.Subject}",
        AbiTopic.StackAlignment => $"the alignment of the stack at {fact.Subject} of `{fact.Convention}` functions",
        AbiTopic.FramePointer => $"whether a `{fact.Convention}` {fact.Subject} keeps a frame pointer",
        AbiTopic.RedZone => $"what a `{fact.Convention}` {fact.Subject} writes below rsp",
        AbiTopic.LimitSlot => $"the limit slot for {fact.Subject}",
        AbiTopic.Disagreement => $"what callers and callees of `{fact.Convention}` functions disagree about ({fact.Subject})",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary><c>selfhosted/Debug</c> as words.</summary>
    private static string Where(string cell) => cell.Split('/', 3) switch
    {
        ["selfhosted", var mode, .. var more] => $"on the self-hosted backend ({string.Join(", ", more.Prepend(mode))})",
        ["llvm", var mode, .. var more] => $"on LLVM's backend ({string.Join(", ", more.Prepend(mode))})",
        _ => $"in {cell}",
    };

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim();
}
