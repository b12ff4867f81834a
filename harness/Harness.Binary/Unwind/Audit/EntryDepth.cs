namespace Harness.Binary.Unwind.Audit;

/// <summary>Functions that are entered with more on the stack than a return address: by what is their caller's in spirit only.</summary>
internal static class EntryDepth
{
    private const int Ordinary = 8;

    private static readonly Dictionary<string, int> _depths = new()
    {
        // Called by a prologue: the frame is the one that the function whose prologue it is would have had, so the caller is that one's.
        ["__morestack"] = 16,
        // libgcc's other ways in: for calls of code that does not ask, and of the large code model.
        ["__morestack_non_split"] = 16,
        ["__morestack_large_model"] = 16,
        // The same, with the sizes pushed.
        ["hs_morestack_thunk"] = 24,
    };

    public static int Of(string function) => _depths.GetValueOrDefault(function, Ordinary);
}
