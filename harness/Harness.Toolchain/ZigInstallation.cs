using Harness.Toolchain.Compat;

namespace Harness.Toolchain;

/// <summary>A Zig compiler that answered <c>zig version</c>.</summary>
/// <param name="LibDirectory">
/// Its std and libc headers, where the compiler would not find them by itself; otherwise null.
/// </param>
public sealed record ZigInstallation(string Executable, string? LibDirectory, string Version)
{
    public bool IsSupported => ZigRelease.IsSupported(Version);
}

/// <summary>What a search for a compiler came to: <see cref="Found"/> or <see cref="Missing"/>.</summary>
public abstract record ZigLocation
{
    private ZigLocation()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <param name="Source">In a word or two, where it was found.</param>
    public sealed record Found(ZigInstallation Installation, string Source)
        : ZigLocation { internal override Sealed Seal => default; }

    /// <param name="Reason">One line: what is wrong and how to mend it.</param>
    public sealed record Missing(string Reason) : ZigLocation { internal override Sealed Seal => default; }

    /// <exception cref="ToolchainException">There is none.</exception>
    public ZigInstallation Require() => this switch
    {
        Found found => found.Installation,
        Missing missing => throw new ToolchainException(missing.Reason),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
