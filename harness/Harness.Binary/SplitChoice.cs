namespace Harness.Binary;

/// <summary>What a check must know of its function.</summary>
/// <param name="FrameBytes">An upper bound of what the function uses below its return address.</param>
/// <param name="Sizes">
/// The word that hs_morestack_thunk finds pushed: bits 0–19 the frame in units of 16 bytes, bits 20–30 stack arguments in units of
/// 64 bytes, bit 31 whether these are what the function touches (else a bound for callers whose frame does not tell).
/// </param>
public readonly record struct InlineCheck(long FrameBytes, int Sizes)
{
    /// <summary>The frame is taken off before the comparison; otherwise rsp is compared as it is.</summary>
    public bool ComparesFrame => FrameBytes >= ThunkCode.SmallFrameBytes;
}

/// <summary>Which functions get a check that saves every register, and with which sizes, from what their code says.</summary>
internal static class SplitChoice
{
    /// <summary>The runtime's entry for such checks.</summary>
    public const string Morestack = "hs_morestack_thunk";

    /// <summary>Why a function is left out; null: it is not.</summary>
    public static UnsplitReason? WhyNot(string name, FunctionScan scan, InjectionOptions options) =>
        options.Excludes(name) ? UnsplitReason.Excluded
        : IsSpared(scan, options) && !IsMisled(scan, options) ? UnsplitReason.AsksReturnAddress
        : null;

    /// <summary>Asks for its return address, and is split all the same.</summary>
    public static bool IsMisled(FunctionScan scan, InjectionOptions options) =>
        IsSpared(scan, options) && options.IsTooLarge(scan.FrameKnown ? scan.FrameBytes : -1);

    private static bool IsSpared(FunctionScan scan, InjectionOptions options) => scan.AsksReturnAddress && options.SparesReturnAddress;

    public static UnsplitFunction Unsplit(ElfSymbol symbol, FunctionScan scan, UnsplitReason reason) =>
        new(symbol.Name, reason, scan.FrameKnown ? scan.FrameBytes : -1);

    /// <exception cref="InvalidDataException">The frame is larger than the pushed word can state.</exception>
    public static InlineCheck Check(ElfFile file, ElfSymbol symbol, FunctionScan scan, InjectionOptions options)
    {
        var frame = scan.FrameKnown ? scan.FrameBytes : options.UnknownFrameBytes;
        if (frame > ThunkCode.MaxFrameBytes)
        {
            throw file.Bad(
                $"function {symbol.Name} has a frame of {frame} bytes, which exceeds the maximum of {ThunkCode.MaxFrameBytes}");
        }

        var known = scan.ArgumentBytes is >= 0 and <= ThunkCode.MaxArgumentBytes;
        return new InlineCheck(frame, known
            ? ThunkCode.Word(frame, (int)scan.ArgumentBytes) | ThunkCode.ArgumentsKnown
            : ThunkCode.Word(frame, options.ArgumentBytes));
    }
}
