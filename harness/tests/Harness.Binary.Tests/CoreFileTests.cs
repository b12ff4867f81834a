using System.Buffers.Binary;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;

namespace Harness.Binary.Tests;

/// <summary>Cores that were written here are read as they were meant; broken ones are refused by one clear line, in bounded time and memory.</summary>
public sealed class CoreFileTests
{
    private const int Mutants = 40_000;
    private const long MaxBytesPerMutant = 4 << 20;
    private const ulong Base = 0x10000;
    private const ulong Far = 0x7f00_0000_0000;

    private static readonly CoreLimits _small = new() { MaxSegments = 64, MaxThreads = 16, MaxMappings = 64, MaxNoteBytes = 64 << 10, MaxNameBytes = 4 << 10, MaxFileBytes = 1 << 20 };

    [Fact]
    public void What_was_written_is_read_again()
    {
        using var core = CoreFile.Parse(Sound(), "sound");
        Assert.Equal([(71, 11), (72, 0)], core.Threads.Select(t => (t.Id, t.Signal)));
        Assert.Equal(new CoreSignal(11, 2, 0x5e60), core.Signal);
        Assert.Equal([new CoreMapping(Base, Base + 0x2000, 0x1000, "/a/worker"), new CoreMapping(Far, Far + 0x1000, 0, "/b")], core.Mappings);
        Assert.Equal(0x7fff_0000UL, core.Auxiliary[33]);
        // The kernel's order: r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss, fs_base, …
        var registers = core.Threads[0].Registers;
        Assert.Equal<ulong?[]>([1015, 1014, 1012, 1006, 1003], [registers[DwarfRegister.R15], registers[14], registers[DwarfRegister.R12], registers[DwarfRegister.Rbp], registers[DwarfRegister.Rbx]]);
        Assert.Equal<ulong?[]>([1008, 1009, 1016, 1007], [registers[DwarfRegister.R8], registers[9], registers[DwarfRegister.Rip], registers[DwarfRegister.Rsp]]);
        Assert.Equal((1018UL, 1021UL), (core.Threads[0].Words.Flags, core.Threads[0].Words.FsBase));
    }

    [Fact]
    public void Memory_that_the_file_does_not_have_is_not_zero_but_unknown()
    {
        using var core = CoreFile.Parse(Sound(), "sound");
        // Across the border of two stretches.
        Assert.Equal(Picture.ByteAt(Base + 0xffc) | (ulong)Picture.ByteAt(Base + 0x1003) << 56, core.Word(Base + 0xffc)!.Value & 0xff00_0000_0000_00ff);
        // A page of zeros is known.
        Assert.Equal(0UL, core.Word(Far));
        Assert.Null(core.Word(Base + 0x1ffc));
        Assert.Null(core.Word(Base + 0x2000));
        Assert.Equal(CoreAccess.None, core.RegionOf(Base + 0x2000)?.Access);
        Assert.Null(core.RegionOf(Base + 0x4000));
        Assert.Null(core.Word(ulong.MaxValue - 3));
    }

    public static TheoryData<string, int, ulong, int> Broken => new()
    {
        { "is not an ELF file", 0, 0, 1 },
        { "is not a core of an x86-64 process", 16, 2, 2 },
        { "is not a core of an x86-64 process", 18, 183, 2 },
        { "program headers, which exceeds the maximum", 56, 65, 2 },
        { "it has been cut off", 32, ulong.MaxValue, 8 },
        { "which cannot be", 64 + 56 + 40, 1, 8 },
        { "it has been cut off", 64 + 56 + 8, 1 << 20, 8 },
        { "two segments", 64 + 56 + 56 + 16, Base, 8 },
        { "has a note of", 64 + (5 * 56) + 4, uint.MaxValue, 4 },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void What_does_not_hold_is_one_line(string reason, int offset, ulong value, int bytes)
    {
        var core = Sound();
        Span<byte> word = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        word[..bytes].CopyTo(core.AsSpan(offset));
        var refused = Assert.Throws<InvalidDataException>(() => CoreFile.Parse(core, "broken", _small));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("broken: ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void A_core_that_was_cut_off_anywhere_is_refused()
    {
        var core = Sound();
        for (var length = 0; length < core.Length; length += 61)
        {
            Assert.Throws<InvalidDataException>(() => CoreFile.Parse(core[..length], "short", _small));
        }
    }

    /// <summary>The last note ends by a few bytes too late.</summary>
    [Fact]
    public void A_note_that_reaches_beyond_its_segment_is_refused()
    {
        var core = Sound();
        var whole = BinaryPrimitives.ReadUInt64LittleEndian(core.AsSpan(64 + 32, 8));
        for (var less = 1UL; less <= 520; less++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(core.AsSpan(64 + 32, 8), whole - less);
            var refused = Assert.Throws<InvalidDataException>(() => CoreFile.Parse(core, "broken", _small));
            Assert.Contains("has a note of 512 bytes", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_mutant_breaks_the_reader_or_a_walk_through_it()
    {
        var original = Sound();
        var headers = 64 + (5 * 56);
        var (read, refused, state) = (0, 0, 77UL);
        for (var i = 0; i < Mutants; i++)
        {
            // Headers and notes say what is where; memory says anything.
            var mutant = i % 4 == 0
                ? FuzzTests.Mutate(original, ref state, 0, original.Length)
                : FuzzTests.Mutate(original, ref state, i % 4 == 1 ? 16 : headers, i % 4 == 1 ? headers : headers + 1400);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Use(mutant);
                read++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }

            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(bytes < MaxBytesPerMutant, $"mutant {i} asked for {bytes:N0} bytes");
        }

        Assert.True(read > Mutants / 10 && refused > Mutants / 10, $"{read} read, {refused} refused: the mutants are not interesting");
    }

    private static void Use(byte[] bytes)
    {
        using var core = CoreFile.Parse(bytes, "mutant", _small);
        Span<byte> into = stackalloc byte[256];
        foreach (var region in core.Regions)
        {
            core.TryRead(region.Low, into);
            core.TryRead(unchecked(region.High - 128), into);
        }

        foreach (var thread in core.Threads)
        {
            core.Word(thread.Registers[DwarfRegister.Rsp]!.Value);
        }

        Assert.True(core.Threads.Count <= _small.MaxThreads && core.Regions.Count <= _small.MaxSegments && core.Mappings.Count <= _small.MaxMappings);
    }

    private static byte[] Sound()
    {
        var path = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite))
            {
                CoreWriter.Write(file, Picture.Of());
            }

            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A small process, made up.</summary>
    private sealed class Picture : IFrameMemory
    {
        public static byte ByteAt(ulong address) => address < Far ? (byte)((address * 31) >> 3) : (byte)0;

        public bool TryRead(ulong address, Span<byte> into)
        {
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = ByteAt(address + (ulong)i);
            }

            return true;
        }

        public static CorePicture Of()
        {
            var signal = new byte[128];
            (signal[0], signal[8]) = (11, 2);
            BinaryPrimitives.WriteUInt64LittleEndian(signal.AsSpan(16), 0x5e60);
            var auxiliary = new byte[32];
            BinaryPrimitives.WriteUInt64LittleEndian(auxiliary, 33);
            BinaryPrimitives.WriteUInt64LittleEndian(auxiliary.AsSpan(8), 0x7fff_0000);
            return new CorePicture(
                71, "made up", [new CoreThread(71, 11, Words(1000)), new CoreThread(72, 0, Words(2000))], [new byte[512], new byte[512]], signal, auxiliary,
                [new CoreMapping(Base, Base + 0x2000, 0x1000, "/a/worker"), new CoreMapping(Far, Far + 0x1000, 0, "/b")],
                [
                    new CoreStretch(Base, Base + 0x1000, CoreAccess.Read | CoreAccess.Execute, true), new CoreStretch(Base + 0x1000, Base + 0x2000, CoreAccess.Read, true),
                    new CoreStretch(Base + 0x2000, Base + 0x4000, CoreAccess.None, false), new CoreStretch(Far, Far + 0x1000, CoreAccess.Read | CoreAccess.Write, true),
                ],
                new Picture());
        }

        /// <summary>Each word says which DWARF register it is, or which word.</summary>
        private static CoreRegisters Words(ulong start)
        {
            int[] dwarf = [15, 14, 13, 12, 6, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5, 50, 16, 17, 18, 7, 20, 21, 22, 23, 24, 25, 26];
            return new CoreRegisters([.. dwarf.Select(number => start + (ulong)number)]);
        }
    }
}
