namespace Harness.Model;

/// <summary>
/// Marks a closed family: a private base constructor alone still leaves a record's protected copy constructor open to
/// outsiders; an <c>internal abstract</c> member of this type closes the family (CS0534 outside this assembly).
/// </summary>
internal readonly struct Sealed;
