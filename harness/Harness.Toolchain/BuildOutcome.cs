using Harness.Binary;
using Harness.Binary.StackUse;

namespace Harness.Toolchain;

/// <summary>Wall time of the steps of one build.</summary>
/// <param name="Compile">Zig: source to object, to LLVM IR, or to assembly.</param>
/// <param name="Codegen">Zig's clang: IR to object (attribute route), assembly to object (assembly route, twice).</param>
/// <param name="Rewrite">Ours: IR text, assembly or object; and the proof that the linked program's checks suffice.</param>
public sealed record BuildTimings(TimeSpan Compile, TimeSpan Codegen, TimeSpan Rewrite, TimeSpan Link)
{
    public static readonly BuildTimings Zero = new(default, default, default, default);

    public TimeSpan Total => Compile + Codegen + Rewrite + Link;
}

/// <summary>
/// What became of a unit: <see cref="Built"/>, <see cref="Rejected"/>, <see cref="CompilerCrashed"/> or
/// <see cref="TimedOut"/>.
/// </summary>
public abstract record BuildOutcome
{
    private BuildOutcome()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <param name="Injection">Which functions were split, and which not and why.</param>
    /// <param name="Slack">What the linked program's call graph says; null where the runtime is not ours.</param>
    public sealed record Built(string WorkerPath, BuildTimings Timings, InjectionReport Injection, SlackReport? Slack)
        : BuildOutcome
    {
        /// <summary>The worker as it was read for <see cref="Slack"/>, for who reads it next; null where nothing was proven.</summary>
        public ElfFile? Worker { get; init; }

        internal override Sealed Seal => default;
    }

    /// <summary>The compiler, the injection or the linker refuses the unit, and says why.</summary>
    public sealed record Rejected(string Diagnostics) : BuildOutcome { internal override Sealed Seal => default; }

    /// <summary>The compiler failed on the unit: a finding about the compiler.</summary>
    public sealed record CompilerCrashed(string Detail) : BuildOutcome { internal override Sealed Seal => default; }

    /// <param name="Command">What did not end in time.</param>
    public sealed record TimedOut(string Command) : BuildOutcome { internal override Sealed Seal => default; }
}
