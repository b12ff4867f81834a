namespace Harness.Emit;

/// <summary>
/// The type of an internal abstract member that closes a family of records: nobody outside can override it.
/// </summary>
internal readonly record struct Sealed;
