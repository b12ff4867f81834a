using Harness.Model;

namespace Harness.Verification.Explaining;

/// <summary>What a part of a case has to do with its failure.</summary>
public enum Freedom
{
    /// <summary>It fails whatever the part is, as far as was tried.</summary>
    Free,

    /// <summary>It fails with this value alone, as far as was tried.</summary>
    Needed,

    /// <summary>It fails with some values and not with others.</summary>
    Partly,
}

/// <summary>One part of a case: what it is there, and with which other values the case fails alike.</summary>
/// <param name="Part">As people call it: <c>placement</c>, <c>the constant of log at line 12</c>.</param>
/// <param name="Value">What it is in the case.</param>
/// <param name="Fails">Other values with which it fails alike.</param>
/// <param name="Passes">Other values with which it does not: it holds, or fails another way (then the value says which).</param>
/// <param name="Unjudged">Other values that came to nothing.</param>
public sealed record ExplainedPart(string Part, string Value, EquatableArray<string> Fails, EquatableArray<string> Passes, int Unjudged)
{
    public Freedom Freedom => Passes.Count == 0 ? Freedom.Free : Fails.Count == 0 ? Freedom.Needed : Freedom.Partly;

    public override string ToString()
    {
        var sentence = Freedom switch
        {
            Freedom.Free => $"fails whatever {Part} is: {Value}, {Few(Fails)}",
            Freedom.Needed => $"only with {Part} = {Value}; not with {Few(Passes)}",
            _ => $"with {Part} = {Value}, {Few(Fails)}; not with {Few(Passes)}",
        };
        return Unjudged == 0 ? sentence : $"{sentence} ({Unjudged} more came to nothing)";
    }

    private static string Few(EquatableArray<string> values)
    {
        const int shown = 6;
        return string.Join(", ", values.Take(shown)) + (values.Count > shown ? $" and {values.Count - shown} more" : "");
    }
}

/// <summary>What may vary freely about a case that fails, and what may not. Each part was varied by itself; the free ones then all at once.</summary>
/// <param name="Together">Random choices of all free parts at once: how many failed alike, of how many; 0 of 0: not tried.</param>
/// <param name="CapHit">Time was over before all was tried: what was found until then.</param>
public sealed record Explanation(EquatableArray<ExplainedPart> Parts, int TogetherFailed, int Together, bool CapHit, double Seconds)
{
    /// <summary>One sentence a line: what is needed first, then what matters in part, then what is free.</summary>
    public IEnumerable<string> Sentences()
    {
        foreach (var part in Parts.OrderBy(part => part.Freedom switch { Freedom.Needed => 0, Freedom.Partly => 1, _ => 2 }))
        {
            yield return part.ToString();
        }

        if (Together > 0)
        {
            yield return TogetherFailed == Together
                ? $"with all of what is free at once, too: {TogetherFailed} of {Together} random choices"
                : $"but not with all of what is free at once: {TogetherFailed} of {Together} random choices";
        }

        if (CapHit)
        {
            yield return "time was over before all was tried";
        }
    }
}
