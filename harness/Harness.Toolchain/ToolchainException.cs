namespace Harness.Toolchain;

/// <summary>
/// The set-up is broken (no compiler, fixtures that do not build), as opposed to a unit that does not compile, which is
/// a <see cref="BuildOutcome"/>. The message says in its first line what is wrong and how to mend it.
/// </summary>
public sealed class ToolchainException : Exception
{
    public ToolchainException(string message)
        : base(message)
    {
    }

    public ToolchainException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public ToolchainException()
    {
    }

    /// <summary>How the compiler ended, where it is its doing.</summary>
    public ZigResult? Result { get; init; }
}
