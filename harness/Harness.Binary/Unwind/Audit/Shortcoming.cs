using static Harness.Binary.Unwind.Audit.FindingKind;

namespace Harness.Binary.Unwind.Audit;

/// <summary>
/// A contradiction that is known and has a reason. Where a file has the function and the contradiction is not found, that is a finding
/// too (<see cref="Outdated"/>): a reason that holds no longer hides nothing.
/// </summary>
/// <param name="Function">Its symbol, <see cref="AnySelfHosted"/>, or a section in parentheses.</param>
/// <param name="Kinds">All of them must be found, or with <see cref="Any"/> one.</param>
public sealed record Shortcoming(string Function, IReadOnlyList<FindingKind> Kinds, string Reason)
{
    /// <summary>Stands for every function of the self-hosted backend.</summary>
    public const string AnySelfHosted = "(self-hosted)";

    private const string OtherContext =
        "its end is on another stack already, whose saved context has the layout of its own: rows and registers are that one's from there on";

    /// <summary>Null: whatever the finding is about.</summary>
    public string? Subject { get; init; }

    /// <summary>Zig 0.16.0, glibc's start files, and our own stubs.</summary>
    public static IReadOnlyList<Shortcoming> All { get; } =
    [
        new("_start", [UndefinedReturnAddress, LostRegister, WrongCfa, UnprovenCfa, NoEntry],
            "the process begins here: there is no caller, and the kernel put arguments where a return address would be; musl has no FDE for it") { Any = true },
        new("std.os.linux.clone", [UndefinedReturnAddress, LostRegister, WrongCfa],
            "Zig's clone: the child begins in the middle of it, on another stack, and says that it has no caller"),
        new("__zig_probe_stack", [WrongCfa, UnprovenCfa, UnbalancedExit],
            "compiler_rt, naked: it pushes rcx and walks rsp down without any call frame information; a trace taken inside is wrong"),
        new("(.debug_frame)", [NoEntry],
            "start files of glibc's own, and all of musl: their tables are for debuggers only, and unwinders of a running program do not read those"),
        .. new[]
        {
            "__restore_rt", "__clone", "__set_thread_area", "__unmapself", "feclearexcept", "feraiseexcept", "__fesetround", "fegetround", "fegetenv",
            "fesetenv", "fetestexcept",
        }.Select(name => new Shortcoming(name, [NoEntry], "assembly of musl's, without call frame information; no program of ours calls it")),
        new("(.plt)", [NoEntry], "lld writes no call frame information for the procedure linkage table; workers bind immediately, so a stub is one jump"),
        new(AnySelfHosted, [LostRegister, UnrestoredRegister],
            "Zig's own calling convention gives rbx away, and the self-hosted backend writes no rule that says so: a caller's rbx is not recovered. No CFA of its depends on rbx")
            { Subject = "rbx" },
        new("__morestack", [UnbalancedExit],
            "returns to the `ret` in the prologue that called it, one word below the return address of the frame it stands for"),
        new("hs_resume", [UnprovenCfa, LostRegister, WrongReturnAddress, UnresolvedJump], OtherContext),
        new("hs_fiber_resume", [UnprovenCfa, LostRegister, WrongReturnAddress, UnresolvedJump], OtherContext),
        new("hs_fiber_yield", [UnprovenCfa, LostRegister, WrongReturnAddress, UnresolvedJump], OtherContext),
        new("hs_attempt", [UnprovenCfa, LostRegister, WrongRegister, UnbalancedExit, UnrestoredRegister],
            "its end is reached from hs_attempt_failed too, with nothing but the place of its context: rows and registers are the context's from there on"),
        new("hs_attempt_failed", [UndefinedReturnAddress, UnprovenCfa, WrongRegister],
            "entered from a fault anywhere in an attempt: there is no caller, until rsp is the attempt's context"),
        new("hs_to_scheduler", [UndefinedReturnAddress, UnprovenCfa, WrongRegister, LostRegister, UnbalancedExit, UnrestoredRegister],
            "leaves one stack for another: a trace taken inside ends here, and the registers are the other stack's"),
        new("hs_fiber_start", [UndefinedReturnAddress, LostRegister, UnprovenCfa],
            "a fiber begins here: there is no caller, and the callee-saved registers get values of its own"),
        .. LibGcc,
        new("hs_fault_landing", [UndefinedReturnAddress], "entered from a signal handler, on the system stack: there is no caller"),
    ];

    /// <summary>gcc's split-stack runtime, where a worker is linked with that in place of ours (docs/RUNTIMES.md). Its builds differ.</summary>
    private static IEnumerable<Shortcoming> LibGcc =>
    [
        new("__morestack_non_split", [WrongCfa, UnprovenCfa, WrongReturnAddress, UnbalancedExit],
            "libgcc's: behind its `ret` the rows go on as if one word more were off the stack, so they are one word low there; only the linker makes code that enters it") { Any = true },
        new("__morestack_large_model", [WrongCfa, UnprovenCfa, WrongReturnAddress, UnbalancedExit],
            "libgcc's: its rows say that it is entered like any function, and it is a second way into __morestack, entered from a prologue") { Any = true },
        .. new[] { "__stack_split_initialize", "__morestack_get_guard", "__morestack_set_guard", "__morestack_make_guard" }
            .Select(name => new Shortcoming(name, [NoEntry], "libgcc's assembly has no call frame information for it: a trace that is taken inside ends there")),
        .. new[] { "__morestack_allocate_stack_space", "__morestack_allocate_stack_space.cold" }
            .Select(name => new Shortcoming(name, [WrongCfa, WrongRegister, UnbalancedExit, UnrestoredRegister],
                "gcc keeps what is hardly ever needed of a function elsewhere, and jumps there in the middle of its frame: the rows are right, and no entry by a call") { Any = true }),
    ];

    /// <summary>Several builds of the function differ.</summary>
    public bool Any { get; init; }

    internal bool Covers(UnwindFinding finding) =>
        (finding.Function == Function || (finding.IsSelfHosted && Function == AnySelfHosted))
        && Kinds.Contains(finding.Kind) && (Subject is null || Subject == finding.Subject);
}
