using System.Collections.Immutable;

namespace Harness.Binary.StackUse;

/// <summary>Why a chain of calls has no bound. A closed family.</summary>
public abstract record Unbounded
{
    private Unbounded()
    {
    }

    internal abstract string Text { get; }

    /// <summary>Where the code stands that is the reason; 0: it is no one place.</summary>
    public virtual ulong Place => 0;

    /// <summary>Functions that call one another, or themselves.</summary>
    /// <param name="Functions">In the order of their names.</param>
    public sealed record Recursion(ImmutableArray<string> Functions) : Unbounded
    {
        /// <summary>A shortest way round: each calls the next, the last the first.</summary>
        public ImmutableArray<string> Cycle { get; init; } = [];

        internal override string Text => Functions.Length == 1
            ? $"{Functions[0]} calls itself"
            : $"{Functions.Length} functions call one another: {string.Join(", ", Functions.Take(8))}{(Functions.Length > 8 ? ", …" : "")}";

        public bool Equals(Recursion? other) => other is not null && Functions.SequenceEqual(other.Functions);

        public override int GetHashCode() => HashCode.Combine(Functions.Length, Functions.FirstOrDefault());
    }

    public sealed record IndirectCall(string Caller, ulong Site) : Unbounded
    {
        public override ulong Place => Site;

        internal override string Text => $"{Caller} calls what a pointer says, at 0x{Site:x}";
    }

    /// <param name="Site">One of the calls; 0: not known.</param>
    public sealed record ExternalCall(string Caller, string Callee, ulong Site) : Unbounded
    {
        public override ulong Place => Site;

        internal override string Text => $"{Caller} calls {Callee}, which is not in the file";
    }

    /// <summary>How far rsp goes down is decided when the program runs.</summary>
    public sealed record DynamicStack(string Function, string Problem, ulong Site) : Unbounded
    {
        public override ulong Place => Site;

        internal override string Text => $"{Function}: {Problem}";
    }

    public sealed record NotFollowed(string Function, string Problem) : Unbounded
    {
        /// <summary>Where that was found.</summary>
        public ulong Site { get; init; }

        public override ulong Place => Site;

        internal override string Text => $"{Function}: {Problem}";
    }

    public sealed override string ToString() => Text;

    /// <summary>Why a function's own use has no bound; null: it has one.</summary>
    public static Unbounded? Of(FunctionUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        return use switch
        {
            { Problem: null } => null,
            { IsDynamic: true } => new DynamicStack(use.Name, use.Problem, use.ProblemSite),
            _ => new NotFollowed(use.Name, use.Problem) { Site = use.ProblemSite },
        };
    }
}
