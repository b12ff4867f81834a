namespace Harness.Execution.Tracing;

/// <summary>A thread of a process that is about to end.</summary>
/// <param name="FloatingPoint">The kernel's <c>struct user_fpregs_struct</c>.</param>
public sealed record DyingThread(int Id, UserRegisters Registers, byte[] FloatingPoint);

/// <summary>A process at the last moment at which it is still whole.</summary>
/// <param name="Signal">What ends it; 0: it ends itself.</param>
/// <param name="SignalInfo">The kernel's siginfo_t; null when it ends itself.</param>
/// <param name="ExitCode">When it ends itself.</param>
/// <param name="Threads">The one that ends it first. Where it ends itself, others may be gone already.</param>
public sealed record Dying(int Signal, byte[]? SignalInfo, int ExitCode, IReadOnlyList<DyingThread> Threads);
