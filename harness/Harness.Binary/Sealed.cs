namespace Harness.Binary;

/// <summary>Closes a family against outsiders; see the type of the same name in Harness.Model.</summary>
internal readonly struct Sealed;
