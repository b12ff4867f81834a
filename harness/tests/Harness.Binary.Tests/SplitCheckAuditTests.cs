namespace Harness.Binary.Tests;

/// <summary>LLVM's check leaves out what a frame loses to its realignment: the audit adds it.</summary>
public sealed class SplitCheckAuditTests
{
    private const string Check = "4c8d9c24f8efffff 644c3b1c2570000000"; // lea r11, [rsp-0x1008]; cmp r11, fs:[0x70]
    private const string Ask = "41ba08100000 41bb00000000 e800000000 c3"; // mov r10d, 0x1008; mov r11d, 0; call; ret
    private const string Body = "55 4889e5"; // push rbp; mov rbp, rsp
    private const string Large = Check + "7712" + Ask + Body; // ja +18

    // cmp rsp, fs:[0x70]; jbe +0; push rbp; mov rbp, rsp
    private const string Small = "64483b242570000000 7600 55 4889e5";

    [Fact]
    public void Raises_the_check_of_a_realigned_frame_by_its_alignment() =>
        // and rsp, -4096; leave; ret
        Assert.Equal(-0x1008 - 4096, Distance(Audit(Large + "4881e400f0ffff c9 c3").Object));

    [Theory]
    [InlineData(Large + "4881e400f0ffff c9 c3", 19 + 2)]
    [InlineData(Check + "760e" + Body + "4881e400f0ffff c9 c3 90" + Ask, 19 + 14 + 2)] // jbe to the end, nop before it
    [InlineData(Check + "7714" + "49c7c208100000 41bb00000000 e800000000 c3 90" + Body + "4881e400f0ffff c9 c3", 19 + 3)] // mov r10, 0x1008
    public void Asks_morestack_for_the_alignment_too(string code, int field)
    {
        var (bytes, _) = Audit(code);
        Assert.Equal(0x1008 + 4096, BitConverter.ToInt32(Text(bytes)[field..]));
    }

    [Fact]
    public void Rejects_a_large_alignment_where_the_frame_that_is_asked_for_is_not_found()
    {
        var error = Assert.Throws<InvalidDataException>(() => Audit(Check + "7600" + Body + "4881e400f0ffff c9 c3"));
        Assert.Contains("where it asks for that frame was not found", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Raises_by_the_largest_of_several_alignments() =>
        // and rsp, -512; and rsp, -1024
        Assert.Equal(-0x1008 - 1024, Distance(Audit(Large + "4881e400feffff 4881e400fcffff c9 c3").Object));

    [Theory]
    [InlineData("4883e4c0")] // and rsp, -64
    [InlineData("4881e400ffffff")] // and rsp, -256
    [InlineData("4825ffffff00")] // and rax, 0xffffff
    [InlineData("")]
    public void Leaves_the_check_where_the_slack_covers_the_alignment(string realign)
    {
        var (bytes, report) = Audit(Large + realign + "c9 c3");
        Assert.Equal(-0x1008, Distance(bytes));
        Assert.Equal(0, report.Redirected);
    }

    [Fact]
    public void Accepts_a_small_alignment_behind_a_check_of_rsp_itself() =>
        Assert.Equal(1, Audit(Small + "4881e400ffffff c9 c3").Report.Split);

    [Fact]
    public void A_check_that_does_not_come_first_is_none() => // endbr64 before it
        Assert.Equal(0, Audit("f30f1efa " + Small + "c9 c3").Report.Split);

    [Fact]
    public void Rejects_a_large_alignment_behind_a_check_of_rsp_itself()
    {
        // and rsp, -512
        var error = Assert.Throws<InvalidDataException>(() => Audit(Small + "4881e400feffff c9 c3"));
        Assert.Contains("aligns its frame to 512 bytes", error.Message, StringComparison.Ordinal);
    }

    private static (byte[] Object, InjectionReport Report) Audit(string one)
    {
        var code = Convert.FromHexString(one.Replace(" ", "", StringComparison.Ordinal));
        var file = ElfFile.Parse(new ObjectBuilder(code).ToArray(), "test.o");
        var (audited, report) = SplitCheckAudit.Run(file, new Dictionary<string, UnsplitReason> { ["two"] = UnsplitReason.Excluded });
        return (audited.Write(), report);
    }

    private static int Distance(byte[] bytes) => BitConverter.ToInt32(Text(bytes)[4..]);

    private static ReadOnlySpan<byte> Text(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "audited.o");
        return file.Data(file.Section(".text")!);
    }
}
