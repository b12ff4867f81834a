using System.Collections.Frozen;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>
/// The planted defects of the runtime's assembly, as changes of its text: so the stubs that are tested are the product's, but for one place.
/// What each is, says <see cref="PlantedDefects"/>.
/// </summary>
public static class StubPatches
{
    private const string Stubs = "runtime/morestack.S";
    private const string Shared = "runtime/gates.h";

    private static readonly FrozenDictionary<string, StubPatch> _all = new Dictionary<string, StubPatch>
    {
        // Registers. The first of two places is before the body, the second behind it.
        ["body_rcx"] = new(Stubs, "mov -40(%rbp), %rcx\nmov -48(%rbp), %rdx", "mov -48(%rbp), %rdx"),
        ["body_rdx"] = new(Stubs, "mov -48(%rbp), %rdx", ""),
        ["body_rsi"] = new(Stubs, "mov -56(%rbp), %rsi", ""),
        ["body_rdi"] = new(Stubs, "mov -64(%rbp), %rdi", ""),
        ["body_r8"] = new(Stubs, "mov -72(%rbp), %r8", ""),
        ["body_r9"] = new(Stubs, "mov -80(%rbp), %r9", ""),
        ["body_rax"] = new(Stubs, "mov %rax, %rsp\nmov -32(%rbp), %rax", "mov %rax, %rsp"),
        ["in_place_rax"] = new(Stubs, "mov -32(%rbp), %rax\nmov -16(%rbp), %r10\njmp .Lleave", "mov -16(%rbp), %r10\njmp .Lleave"),
        ["return_rax"] = new(Stubs, "mov -24(%rbp), %r11\nmov -32(%rbp), %rax", "mov -24(%rbp), %r11"),
        ["return_register"] = new(Stubs, "mov -48(%rbp), %rdx", "", 1),
        ["warm_rax"] = new(Stubs, "mov -32(%rsp), %rax", ""),
        ["context_rbx"] = new(Shared, "restore_one %r12\nrestore_one %rbx", "restore_one %rbx\nrestore_one %r12"),
        ["context_r15"] = new(Shared, "restore_one %r15", "add $8, %rsp\n.cfi_adjust_cfa_offset -8"),

        // Limits.
        ["warm_child_limit"] = new(Stubs, "mov %rax, LIMIT_SLOT", ""),
        ["warm_limit"] = new(Stubs, "mov SEGMENT_LIMIT(%rcx), %rcx\nmov %rcx, LIMIT_SLOT", ""),

        // Arguments. With none to copy there is no way to say so: a thunk's word, a bound, the caller's frame.
        ["prologue_arguments"] = new(Stubs, "and $0x7ff, %r11d", "and $0, %r11d"),
        ["argument_units"] = new(Stubs, "shl $6, %r11d", "shl $5, %r11d"),
        ["caller_frame"] = new(Stubs, "cmp $CALLER_FRAME_MAX, %r11\njbe 1f", "cmp $CALLER_FRAME_MAX, %r11\nja 0f\nxor %r11d, %r11d\njmp 1f"),
        ["warm_arguments"] = new(Stubs, "test %r11, %r11\njnz .Lcold_grow", ""),

        // Segments.
        ["warm_stub_frame"] = new(Stubs, "mov %rbp, SEGMENT_STUB_FRAME(%rcx)", ""),
        ["warm_current"] = new(Stubs, "mov %rcx, STACK_SEGMENT(%rax)", ""),
        ["warm_parent"] = new(Stubs, "mov %rcx, STACK_SEGMENT(%rax)", "", 1),
        ["resume_at_ret"] = new(Stubs, "incq -8(%rbp)", "", 1),

        // Growth.
        ["warm_room"] = new(Stubs, "cmp SEGMENT_ROOM(%rcx), %r10\nja .Lno_room", ""),
        ["frame_units"] = new(Stubs, "shl $4, %r10d", "shl $3, %r10d"),

        // Call frame information.
        ["cfi"] = new(Stubs, ".cfi_def_cfa %rbp, 16\nmov %r10, -8(%rbp)", ".cfi_def_cfa %rbp, 24\nmov %r10, -8(%rbp)"),
        ["cfi_saved_rbp"] = new(Stubs, ".cfi_offset %rbp, -16\nlea 16(%rsp), %rbp\n.cfi_def_cfa %rbp, 16\nmov %r10, -8(%rbp)", "lea 16(%rsp), %rbp\n.cfi_def_cfa %rbp, 16\nmov %r10, -8(%rbp)"),
        ["cfi_thunk_cfa"] = new(Stubs, ".cfi_def_cfa rsp, 24", ".cfi_def_cfa rsp, 16"),
        ["cfi_thunk_rbp"] = new(Stubs, ".cfi_offset %rbp, -16\nlea 16(%rsp), %rbp\n.cfi_def_cfa %rbp, 16\npush %r11", "lea 16(%rsp), %rbp\n.cfi_def_cfa %rbp, 16\npush %r11"),
        ["cfi_leave"] = new(Stubs, ".cfi_def_cfa %rsp, 24", ".cfi_def_cfa %rsp, 16"),
        ["cfi_warm_leave"] = new(Stubs, ".cfi_register %rbp, %rcx", ""),
        ["cfi_restore_state"] = new(Stubs, ".cfi_restore_state", ""),
        ["cfi_gate"] = new(Shared, ".cfi_def_cfa_register %rbp", ""),
        ["cfi_entry"] = new(Stubs, ".cfi_undefined %rip\n.cfi_def_cfa %rsp, 8", ".cfi_def_cfa %rsp, 8"),
    }.ToFrozenDictionary();

    public static IReadOnlyCollection<string> Names => _all.Keys;

    /// <exception cref="ArgumentException">Not of assembly, or there is no text for it.</exception>
    public static StubPatch Of(PlantedDefect defect)
    {
        ArgumentNullException.ThrowIfNull(defect);
        return _all.TryGetValue(defect.Name, out var patch) ? patch : throw new ArgumentException($"{defect.Name} has no text in StubPatches", nameof(defect));
    }
}
