using Harness.Binary.Unwind.Audit;
using Harness.Model;

namespace Harness.Binary.Tests.Unwind;

/// <summary>The static check on compiled programs, and on small functions written byte by byte.</summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class AuditTests(UnitBuilds builds)
{
    /// <summary>The stub runtime of these tests goes back to its caller's body as the real one does.</summary>
    internal static IReadOnlyList<Shortcoming> Known { get; } =
        [.. Shortcoming.All, new Shortcoming("hs_morestack_thunk", [FindingKind.UnbalancedExit], "the stub returns to the body, one word below")];

    [ZigTheory(Timeout = 300_000)]
    [MemberData(nameof(UnitBuilds.Cells), MemberType = typeof(UnitBuilds))]
    public async Task Every_row_of_a_worker_is_what_its_code_does(Route route, OptimizeMode mode, Backend backend)
    {
        var report = UnwindAudit.Run(ElfFile.Load((await builds.GetAsync(route, mode, backend)).WorkerPath), Known);
        Assert.Equal("", string.Join('\n', report.Findings));
        Assert.True(report.Counts.Instructions > 1000, report.Counts.ToString());
        // Only what stands behind calls that do not return, and padding.
        Assert.True(report.Counts.Unreached < report.Counts.Instructions / 50, report.Counts.ToString());
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_reason_that_holds_no_longer_is_a_finding()
    {
        var file = ElfFile.Load((await builds.GetAsync(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)).WorkerPath);
        var report = UnwindAudit.Run(file, [.. Known, new Shortcoming("unit.fibonacci", [FindingKind.WrongCfa], "said to be wrong")]);
        var finding = Assert.Single(report.Findings);
        Assert.Equal((FindingKind.Outdated, "unit.fibonacci"), (finding.Kind, finding.Function));
    }

    [ZigFact(Timeout = 300_000)]
    public async Task A_function_is_listed_with_its_rows()
    {
        var file = ElfFile.Load((await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, Backend.Llvm)).WorkerPath);
        var lines = UnwindAudit.List(file, "unit.fibonacci");
        Assert.Equal(("push rbp", "rsp+8 ra=c-8"), (lines[0].Instruction, lines[0].Row));
        Assert.Equal("rsp+16 rbp=c-16 ra=c-8", lines[1].Row);
        Assert.All(lines, line => Assert.Empty(line.Contradictions));
        Assert.Empty(UnwindAudit.List(file, "unit.nobody"));
    }

    /// <summary>Code, its rows, and what is found: the first letter of each program is what compilers write.</summary>
    [Theory]
    // push rbp; mov rbp, rsp; leave; ret
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d06 41 0c0708", "")]
    [InlineData("55 4889e5 c9 c3", "41 0e18 8602 43 0d06 41 0c0708", "WrongCfa,WrongCfa")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8603 43 0d06 41 0c0708", "WrongRegister")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 43 0d06 41 0c0708", "LostRegister")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d03 41 0c0708", "UnprovenCfa")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d06", "UnprovenCfa")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 42 0d06 42 0c0708", "RowInsideInstruction")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d06 41 0c0708 0710", "UndefinedReturnAddress")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d06 41 0c0708 9002", "WrongReturnAddress")]
    [InlineData("55 4889e5 c9 c3", "41 0e10 8602 43 0d06 41 0c0708 0b", "Unreadable")]
    // push rbp; ret: rsp is not at the return address.
    [InlineData("55 c3", "41 0e10 8602", "UnbalancedExit")]
    // mov rbx, rdi; ret
    [InlineData("4889fb c3", "", "LostRegister,UnrestoredRegister")]
    // push rbx; mov rbx, rdi; pop rbx; ret: the saved word is in the red zone at the end, and still right.
    [InlineData("53 4889fb 5b c3", "41 0e10 8302 44 0e08", "")]
    // sub rsp, 24; test edi, edi; je 1f; call [rdi]; 1: add rsp, 24; ret
    [InlineData("4883ec18 85ff 7402 ff17 4883c418 c3", "44 0e20 4a 0e08", "")]
    [InlineData("4883ec18 85ff 7402 ff17 4883c418 c3", "44 0e20 46 0e08", "WrongCfa")]
    // test edi, edi; je 1f; push rax; 1: ret: the paths meet with different depths.
    [InlineData("85ff 7401 50 c3", "45 0e10", "WrongCfa,UnprovenCfa,UnbalancedExit")]
    // push rbp; mov rbp, rsp; and rsp, -64; call [rdi]; leave; ret: rsp is anywhere, rbp is not.
    [InlineData("55 4889e5 4883e4c0 ff17 c9 c3", "41 0e10 8602 43 0d06 47 0c0708", "")]
    [InlineData("55 4889e5 4883e4c0 ff17 c9 c3", "41 0e10 8602 43 0e20 47 0c0708", "WrongCfa,UnprovenCfa")]
    // lea r11, [rsp-4096]; 1: sub rsp, 1024; cmp rsp, r11; jne 1b; add rsp, 4096; ret: a probed frame, by r11 in its loop.
    [InlineData("4c8d9c2400f0ffff 4881ec00040000 4c39dc 75f4 4881c400100000 c3", "48 0c0b8820 4c 0d07 47 0e08", "")]
    [InlineData("4c8d9c2400f0ffff 4881ec00040000 4c39dc 75f4 4881c400100000 c3", "48 0c0b8020 4c 0d07 47 0e08", "WrongCfa")]
    // The CFA by an expression: breg7 8. And one that divides by zero.
    [InlineData("c3", "0f02 7708", "")]
    [InlineData("c3", "0f02 7710", "WrongCfa")]
    [InlineData("c3", "0f03 30301b", "Unreadable,UnprovenCfa")]
    // mov rax, [rsp]; mov [rsp], rdi; ret: the return address is overwritten.
    [InlineData("48893c24 c3", "", "WrongReturnAddress,UnbalancedExit")]
    public void Rows_are_compared_with_what_instructions_do(string code, string program, string expected)
    {
        var bytes = Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal));
        var builder = new FrameBuilder { Code = bytes };
        builder.Function(
            builder.Common(FrameBuilder.Ordinary), 0, bytes.Length, Convert.FromHexString(program.Replace(" ", "", StringComparison.Ordinal)), name: "f");
        var report = UnwindAudit.Run(ElfFile.Parse(builder.ToArray(), "small"), []);
        Assert.Equal(
            expected.Split(',', StringSplitOptions.RemoveEmptyEntries).Distinct().Order(), report.Findings.Select(f => f.Kind.ToString()).Distinct().Order());
        Assert.Equal(bytes.Length > 0 ? 1 : 0, report.Counts.Entries);
    }

    /// <summary>f calls g, which never returns; behind the call stands the cold block of another path, with the rows of the entry.</summary>
    [Fact]
    public void Behind_a_call_that_does_not_return_another_path_begins()
    {
        // f: test edi, edi; je 1f; push rax; call g; 1: ret.   g: ud2
        byte[] code = [0x85, 0xff, 0x74, 6, 0x50, 0xe8, 1, 0, 0, 0, 0xc3, 0x0f, 0x0b];
        Assert.Empty(Report(0x0f, 0x0b).Findings);
        // Where g returns, so does f, with a word too many.
        Assert.Contains(Report(0xc3, 0x90).Findings, finding => finding.Kind is FindingKind.UnbalancedExit);

        UnwindReport Report(byte first, byte second)
        {
            var builder = new FrameBuilder { Code = [.. code[..11], first, second] };
            var common = builder.Common(FrameBuilder.Ordinary);
            builder.Function(common, 0, 11, [0x45, 0x0e, 16, 0x45, 0x0e, 8], name: "f");
            builder.Function(common, 11, 2, [], name: "g");
            return UnwindAudit.Run(ElfFile.Parse(builder.ToArray(), "cold"), []);
        }
    }
}
