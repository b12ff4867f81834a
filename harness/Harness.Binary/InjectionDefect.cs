namespace Harness.Binary;

/// <summary>
/// Mistakes that putting checks in could make; only <c>mutants</c> and <c>run --defect</c> ask for one. What each is, says
/// <see cref="Model.PlantedDefects"/>, by these names.
/// </summary>
public enum InjectionDefect : byte
{
    None,

    /// <summary>Functions that ask for their return address are not spared.</summary>
    ReturnAddress,

    /// <summary>A check in front of a function compares rsp as it is, whatever the frame.</summary>
    FrontFrame,

    /// <summary>The rows of a check in front of a function do not follow rsp.</summary>
    FrontRows,

    /// <summary>A function's calls of itself go on leading past the check in front of it.</summary>
    FrontSelf,

    /// <summary>What means a place in a section by its offset is not moved with it when a check is put in front.</summary>
    FrontMoved,

    /// <summary>The assembly route's check asks for half of the frame.</summary>
    InlineFrame,

    /// <summary>The assembly route's check compares with the word that libc keeps, not with the runtime's variable.</summary>
    InlineLimit,

    /// <summary>The rows of the assembly route's way to morestack do not count what it pushes.</summary>
    InlineRows,
}
