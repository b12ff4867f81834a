namespace Harness.Emit;

/// <summary>One Zig source file for a batch of programs, and where everything is in it.</summary>
public sealed record EmittedUnit(string Source, SourceMap Map);
