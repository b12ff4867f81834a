using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Audit;

namespace Harness.Binary.Tests.Unwind;

/// <summary>
/// Broken call frame information: small programs changed at random, read, run, looked up, walked and audited. Nothing throws but the ELF reader, by
/// <see cref="InvalidDataException"/>; nothing takes long; nothing asks for more memory than its caps.
/// </summary>
public sealed class UnwindFuzzTests
{
    private const int MutantsPerFile = 4000;
    private const long MaxBytesPerMutant = 32 << 20;

    private static readonly ElfLimits _limits = new()
    {
        MaxSymbols = 1000, MaxRelocations = 1000, MaxNameBytesTotal = 1 << 20, MaxLineRows = 1000, MaxLineFiles = 100, MaxFunctionInstructions = 10_000,
    };

    private static readonly UnwindLimits _unwindLimits = new() { MaxEntries = 1000, MaxRows = 1000, MaxFrames = 200 };

    [Theory]
    [InlineData(false, 11)]
    [InlineData(false, 12)]
    [InlineData(true, 13)]
    public void No_mutant_breaks_the_engine_or_the_audit(bool isDebugFrame, ulong seed)
    {
        var original = Program(isDebugFrame);
        var (problems, findings, refused) = (0, 0, 0);
        var state = seed;
        Assert.Equal(0, Use([.. original]).Problems);
        for (var i = 0; i < MutantsPerFile; i++)
        {
            // Mostly in the section that is about; the file around it is fuzzed elsewhere.
            var section = ElfFile.Parse(original, "sound").Section(isDebugFrame ? ".debug_frame" : i % 3 == 0 ? ".eh_frame_hdr" : ".eh_frame")!;
            var mutant = i % 5 == 0
                ? FuzzTests.Mutate(original, ref state, 0, original.Length)
                : FuzzTests.Mutate(original, ref state, section.Offset, section.Offset + (int)section.Size);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var (wrong, found) = Use(mutant);
                (problems, findings) = (problems + wrong, findings + found);
            }
            catch (InvalidDataException)
            {
                refused++;
            }

            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(bytes < MaxBytesPerMutant, $"mutant {i} of seed {seed} asked for {bytes:N0} bytes");
        }

        Assert.True(refused > 30 && problems > 300, $"{problems} problems, {findings} findings, {refused} refused: the mutants are not interesting");
        Assert.True(findings > 300, $"only {findings} findings");
    }

    /// <summary>How many problems and findings there are.</summary>
    private static (int Problems, int Findings) Use(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "mutant", _limits);
        var table = UnwindTable.Read(file, _unwindLimits);
        var problems = table.Problems.Count;
        foreach (var entry in table.Entries)
        {
            var rows = table.Rows(entry);
            problems += rows.Problem is null ? 0 : 1;
            Assert.True(rows.At(entry.Start) is not null || rows.Problem is not null || entry.Start == entry.End);
            foreach (var address in (ulong[])[entry.Start, entry.End, unchecked(entry.End - 1)])
            {
                _ = table.Find(address);
                _ = table.FindBySearchTable(address);
            }

            Walk(table, entry.Start);
        }

        var report = UnwindAudit.Run(file, [], _unwindLimits);
        return (problems, report.Findings.Count);
    }

    private static void Walk(UnwindTable table, ulong start)
    {
        var registers = new FrameRegisters();
        for (var register = 0; register < DwarfRegister.Rip; register++)
        {
            registers.Set(register, 0x7000 + (ulong)register);
        }

        registers.Set(DwarfRegister.Rip, start);
        var trace = new Unwinder(new SingleModule(table), new Hashed(), table.Limits).Walk(registers);
        Assert.True(trace.Frames.Count <= table.Limits.MaxFrames);
    }

    /// <summary>Functions whose rows use every kind of instruction, with the code that they describe.</summary>
    private static byte[] Program(bool isDebugFrame)
    {
        // push rbp; mov rbp, rsp; sub rsp, 16; test edi, edi; je 1f; mov [rbp-8], rbx; mov rbx, [rbp-8]; 1: leave; ret
        byte[] code = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 16, 0x85, 0xff, 0x74, 8, 0x48, 0x89, 0x5d, 0xf8, 0x48, 0x8b, 0x5d, 0xf8, 0xc9, 0xc3];
        byte[] rows = [0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x02, 16, 0x0c, 7, 8];
        byte[] states = [0x02, 1, 0x0a, 0x0e, 16, 0x05, 6, 2, 0x43, 0x12, 6, 0x7e, 0x03, 16, 0, 0x0b, 0x06, 6];
        byte[] expressions = [0x41, 0x0f, 4, 0x77, 16, 0x30, 0x22, 0x10, 6, 3, 0x23, 0x70, 0x96, 0x43, 0x0f, 2, 0x76, 16, 0x02, 16, 0x0c, 7, 8];
        var builder = new FrameBuilder { Code = [.. code, .. code, .. code], IsDebugFrame = isDebugFrame, HasSearchTable = !isDebugFrame };
        var common = builder.Common(FrameBuilder.Ordinary, isDebugFrame ? "" : "zR", version: isDebugFrame ? (byte)4 : (byte)1);
        builder.Function(common, 0, code.Length, rows, name: "f");
        builder.Function(common, (ulong)code.Length, code.Length, states, name: "g");
        builder.Function(common, 2 * (ulong)code.Length, code.Length, expressions, name: "h");
        return builder.ToArray();
    }

    /// <summary>Memory that is anything, and the same each time; a third of it cannot be read.</summary>
    private sealed class Hashed : IFrameMemory
    {
        public bool TryRead(ulong address, Span<byte> into)
        {
            var state = address;
            var value = FuzzTests.Next(ref state);
            // Often an address of code.
            value = value % 4 == 0 ? FrameBuilder.Text + (value >> 8) % 66 : value;
            BitConverter.GetBytes(value).AsSpan(0, into.Length).CopyTo(into);
            return value % 3 != 0;
        }
    }
}
