namespace Harness.Binary;

/// <summary>
/// Where a thread keeps the stack limit that checks compare with, addressed from fs: a fixed place, or a thread-local variable
/// of the runtime.
/// </summary>
public sealed record LimitSlot
{
    private LimitSlot(int displacement, string? variable) => (Displacement, Variable) = (displacement, variable);

    /// <summary>What LLVM's checks read on Linux; glibc reserves it (tcbhead_t.__private_ss), nobody else does.</summary>
    public static LimitSlot Glibc { get; } = new(0x70, null);

    /// <summary>The runtime's own variable (zig-fixtures/runtime/morestack.S): with any libc, or none.</summary>
    public static LimitSlot Own { get; } = new(0, "hs_limit");

    /// <summary>Offset from fs; 0 where the linker fills it in.</summary>
    public int Displacement { get; }

    /// <summary>The thread-local symbol that a relocation of type <see cref="RelocationType.ThreadPointerOffset32"/> names; null: none.</summary>
    public string? Variable { get; }

    public override string ToString() => Variable ?? $"fs:0x{Displacement:x}";
}
