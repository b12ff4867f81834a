namespace Harness.Binary.Unwind.Audit;

/// <summary>A contradiction that is known and has a reason. When a file has the function and not the contradiction, that is a finding too.</summary>
/// <param name="Function">Its symbol.</param>
/// <param name="Kinds">All of them must be found.</param>
public sealed record Shortcoming(string Function, IReadOnlyList<FindingKind> Kinds, string Reason)
{
    public static IReadOnlyList<Shortcoming> All { get; } = [];
}
