using Harness.Binary.Unwind;

namespace Harness.Binary.Tests.Unwind;

/// <summary>Instructions, expressions and encodings one by one, on programs written byte by byte.</summary>
public sealed class EngineTests
{
    private const ulong Start = FrameBuilder.Text;

    /// <summary>A program, and the row at the function's last byte; the function has 64 bytes, the CIE says rsp+8 and ra at c−8.</summary>
    [Theory]
    [InlineData("0e10", "rsp+16 ra=c-8")] // def_cfa_offset
    [InlineData("0c0610", "rbp+16 ra=c-8")] // def_cfa
    [InlineData("0e18 0d06", "rbp+24 ra=c-8")] // def_cfa_register keeps the offset
    [InlineData("12067e", "rbp+16 ra=c-8")] // def_cfa_sf
    [InlineData("137e", "rsp+16 ra=c-8")] // def_cfa_offset_sf
    [InlineData("0f03 770806", "exp ra=c-8")] // def_cfa_expression
    [InlineData("8602 8303", "rsp+8 rbx=c-24 rbp=c-16 ra=c-8")] // offset
    [InlineData("050c05", "rsp+8 r12=c-40 ra=c-8")] // offset_extended
    [InlineData("11067e", "rsp+8 rbp=c+16 ra=c-8")] // offset_extended_sf
    [InlineData("2f0602", "rsp+8 rbp=c+16 ra=c-8")] // GNU_negative_offset_extended
    [InlineData("140602", "rsp+8 rbp=v-16 ra=c-8")] // val_offset
    [InlineData("15067e", "rsp+8 rbp=v+16 ra=c-8")] // val_offset_sf
    [InlineData("090603", "rsp+8 rbp=rbx ra=c-8")] // register
    [InlineData("1006027600", "rsp+8 rbp=exp ra=c-8")] // expression
    [InlineData("1606027600", "rsp+8 rbp=vexp ra=c-8")] // val_expression
    [InlineData("0710", "rsp+8 ra=u")] // undefined
    [InlineData("0806", "rsp+8 rbp=s ra=c-8")] // same_value
    [InlineData("8602 c6", "rsp+8 ra=c-8")] // restore
    [InlineData("0710 d0", "rsp+8 ra=c-8")] // restore goes back to what the CIE says
    [InlineData("8602 0606", "rsp+8 ra=c-8")] // restore_extended
    [InlineData("0a 0e20 8602 0b", "rsp+8 ra=c-8")] // remember_state and restore_state: CFA too
    [InlineData("0a 0e20 0a 0e28 0b 0b", "rsp+8 ra=c-8")]
    [InlineData("2e10 00", "rsp+8 ra=c-8")] // GNU_args_size, nop
    [InlineData("44 0e10 0210 0e18 031000 0e20 0404000000 0e28", "rsp+40 ra=c-8")] // advance_loc, 1, 2, 4
    [InlineData("0120104000 0e10", "rsp+16 ra=c-8", 0x03)] // set_loc, by the CIE's encoding
    [InlineData("8520 9110", "rsp+8 rdi=c-256 ra=c-8")] // vector registers are passed over
    public void Instructions_make_rows(string program, string expected, byte encoding = 0x1b)
    {
        var rows = Rows(program, encoding);
        Assert.Null(rows.Problem);
        Assert.Equal(expected, rows.At(Start + 63)?.ToString());
    }

    [Fact]
    public void Rows_cover_the_function_without_holes()
    {
        var rows = Rows("44 0e10 48 0c0610 50 0c0708").Rows;
        Assert.Equal([(0UL, 4UL), (4, 12), (12, 28), (28, 64)], rows.Select(row => (row.Start - Start, row.End - Start)));
    }

    [Theory]
    [InlineData("0b", UnwindFault.RestoreWithoutRemember)]
    [InlineData("1c", UnwindFault.UnknownOpcode)]
    [InlineData("3f", UnwindFault.UnknownOpcode)]
    [InlineData("0e", UnwindFault.Truncated)]
    [InlineData("0f05 7700", UnwindFault.Truncated)]
    [InlineData("0c2008", UnwindFault.BadRegister)]
    [InlineData("09061f", UnwindFault.BadRegister)]
    [InlineData("07ff7f", UnwindFault.BadRegister)]
    [InlineData("0f03770806 0e10", UnwindFault.CfaNotRegister)]
    [InlineData("03ffff 0e10", UnwindFault.BadLocation)]
    [InlineData("7f7f", UnwindFault.BadLocation)]
    public void What_cannot_be_run_has_a_name(string program, UnwindFault expected)
    {
        // Exact length: the nops that pad an entry would hide an early end.
        var problem = Rows(program, pads: false).Problem;
        Assert.Equal(expected, problem?.Fault);
    }

    [Fact]
    public void Caps_have_names()
    {
        var limits = UnwindLimits.Default with { MaxRows = 3, MaxStates = 2 };
        Assert.Equal(UnwindFault.TooManyRows, Rows("41 0e10 41 0e18 41 0e20 41 0e28", limits: limits).Problem?.Fault);
        Assert.Equal(UnwindFault.TooManyStates, Rows("0a 0a 0a", limits: limits).Problem?.Fault);
    }

    /// <summary>Expressions on a picture: rbp = 0x1000, rsp = 0x2000, rip = 0x401010; every word of memory holds its address plus 5.</summary>
    [Theory]
    [InlineData("4f", 31)]
    [InlineData("7708", 0x2008)] // breg7 8
    [InlineData("767806", 0xffd)] // breg6 −8; deref
    [InlineData("7600 9404", 0x1005)] // deref_size
    [InlineData("8000 3f1a 3b2a 3324 7708 22", 0x2008)] // what linkers write for their linkage tables: 8 more from the 11th byte on
    [InlineData("08ff", 255)]
    [InlineData("09ff", -1)]
    [InlineData("0affff", 65535)]
    [InlineData("0bffff", -1)]
    [InlineData("0cffffffff", 0xffffffff)]
    [InlineData("0dffffffff", -1)]
    [InlineData("0e0100000000000080", long.MinValue + 1)]
    [InlineData("0fffffffffffffffff", -1)]
    [InlineData("10808001", 16384)]
    [InlineData("117f", -1)]
    [InlineData("030100000000000000", 1)] // addr
    [InlineData("32 3312 1c", 0)] // dup
    [InlineData("32 33 13", 2)] // drop
    [InlineData("35 32 14 1c 1c", 8)] // over: 5, 2, 5 → 2 − 5 → 5 − −3
    [InlineData("35 32 1501 1c 1c", 8)] // pick
    [InlineData("35 32 16 1c", -3)] // swap
    [InlineData("31 32 33 17 1c 1c", 3 - (1 - 2))] // rot: 3, 1, 2
    [InlineData("09fb 19", 5)] // abs
    [InlineData("35 1f", -5)] // neg
    [InlineData("35 20", -6)] // not
    [InlineData("09f9 32 1b", -3)] // div
    [InlineData("37 32 1d", 1)] // mod
    [InlineData("37 33 1e", 21)] // mul
    [InlineData("36 33 21", 7)] // or
    [InlineData("36 33 27", 5)] // xor
    [InlineData("36 2310", 22)] // plus_uconst
    [InlineData("09f8 31 25", long.MaxValue - 3)] // shr
    [InlineData("09f8 31 26", -4)] // shra
    [InlineData("31 08ff 24", 0)] // shl by more than there is
    [InlineData("09ff 30 2d", 1)] // lt is signed
    [InlineData("09ff 30 2c", 1)]
    [InlineData("09ff 30 2b", 0)]
    [InlineData("30 30 29", 1)]
    [InlineData("30 31 2e", 1)]
    [InlineData("35 2f0200 3f22 96", 5)] // skip
    [InlineData("31 280400 3f2f0100 35", 5)] // bra
    public void Expressions_compute(string code, long expected)
    {
        var bytes = Bytes(code);
        var frame = Step([0x0f, (byte)bytes.Length, .. bytes]);
        Assert.Equal(unchecked((ulong)expected), frame.Frame?.Cfa);
    }

    [Theory]
    [InlineData("ff", UnwindFault.UnknownOperation)]
    [InlineData("50", UnwindFault.UnknownOperation)]
    [InlineData("22", UnwindFault.ExpressionStack)]
    [InlineData("", UnwindFault.ExpressionStack)]
    [InlineData("31 12 2ffcff", UnwindFault.ExpressionStack)] // dup for ever
    [InlineData("2ffdff", UnwindFault.ExpressionTooLong)] // skip to itself
    [InlineData("2fff7f", UnwindFault.ExpressionBranch)]
    [InlineData("2f00f0", UnwindFault.ExpressionBranch)]
    [InlineData("31 30 1b", UnwindFault.DivisionByZero)]
    [InlineData("31 30 1d", UnwindFault.DivisionByZero)]
    [InlineData("0a01", UnwindFault.Truncated)]
    [InlineData("30 06", UnwindFault.Unreadable)]
    [InlineData("7300", UnwindFault.UnknownValue)] // rbx is not known
    [InlineData("8100", UnwindFault.BadRegister)]
    [InlineData("30 9403", UnwindFault.UnknownOperation)]
    public void Expressions_fail_by_name(string code, UnwindFault expected)
    {
        var bytes = Bytes(code);
        Assert.Equal(expected, Assert.IsType<TraceEnd.Failed>(Step([0x0f, (byte)bytes.Length, .. bytes]).End).Problem.Fault);
    }

    /// <summary>Encodings of the start address: where the function is found.</summary>
    [Theory]
    [InlineData(0x00, 8)]
    [InlineData(0x04, 8)]
    [InlineData(0x0c, 8)]
    [InlineData(0x03, 4)]
    [InlineData(0x0b, 4)]
    [InlineData(0x1b, 4)]
    [InlineData(0x1c, 8)]
    [InlineData(0x01, 0)]
    [InlineData(0x09, 0)]
    [InlineData(0x9b, -1)]
    public void Addresses_are_found_in_every_encoding(byte encoding, int bytes)
    {
        var builder = new FrameBuilder { DataBytes = [.. FrameBuilder.Number64(Start), .. new byte[8]] };
        var common = builder.Common(FrameBuilder.Ordinary, augmentationData: [encoding]);
        // Length, CIE pointer, then the address and the size.
        var at = builder.Raw([]);
        var field = FrameBuilder.Frames + (ulong)at + 8;
        var relative = (encoding & 0x70) == 0x10 ? field : 0;
        var target = bytes < 0 ? FrameBuilder.Data : Start;
        byte[] address = bytes switch
        {
            8 => FrameBuilder.Number64(unchecked(target - relative)),
            0 => [0x80, 0xa0, 0x80, 0x02], // 0x401000, signed or not
            _ => FrameBuilder.Number32(unchecked((int)(target - relative))),
        };
        byte[] size = bytes switch { 8 => FrameBuilder.Number64(64), 0 => [0xc0, 0], _ => FrameBuilder.Number32(64) };
        byte[] body = [.. FrameBuilder.Number32(at + 4 - common), .. address, .. size, 0];
        builder.Raw([.. FrameBuilder.Number32(body.Length), .. body]);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "encoded"));
        Assert.Empty(table.Problems);
        var entry = Assert.Single(table.Entries);
        Assert.Equal((Start, Start + 64), (entry.Start, entry.End));
    }

    [Theory]
    [InlineData("zR", 1)]
    [InlineData("zPLR", 1)]
    [InlineData("zRS", 1)]
    [InlineData("zR", 3)]
    [InlineData("zR", 4)]
    [InlineData("", 1)]
    public void Augmentations_and_versions_are_read(string augmentation, byte version)
    {
        var builder = new FrameBuilder { HasSearchTable = false };
        byte[] data = augmentation == "zPLR" ? [0x9b, 1, 2, 3, 4, 0x1b, 0x1b] : augmentation.Contains('R') ? [0x1b] : [];
        var common = builder.Common(FrameBuilder.Ordinary, augmentation, data, version);
        if (augmentation.Length == 0)
        {
            // Plain addresses without an encoding.
            byte[] body = [.. FrameBuilder.Number32(builder.Raw([]) + 4 - common), .. FrameBuilder.Number64(Start), .. FrameBuilder.Number64(64)];
            builder.Raw([.. FrameBuilder.Number32(body.Length), .. body]);
        }
        else
        {
            builder.Function(common, 0, 64, [], augmentation == "zPLR" ? FrameBuilder.Number32(16) : null);
        }

        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "augmented"));
        Assert.Empty(table.Problems);
        var entry = Assert.Single(table.Entries);
        Assert.Equal(("rsp+8 ra=c-8", Start, augmentation == "zRS"), (table.Rows(entry).At(Start)?.ToString(), entry.Start, entry.Common.IsSignalFrame));
        Assert.Equal(augmentation == "zPLR", entry.Handlers is not null && entry.Common.Personality is not null);
    }

    [Theory]
    [InlineData("zB", 1, UnwindFault.UnknownAugmentation)]
    [InlineData("eh", 1, UnwindFault.UnknownAugmentation)]
    [InlineData("zR", 2, UnwindFault.UnknownVersion)]
    [InlineData("zR", 5, UnwindFault.UnknownVersion)]
    public void Unknown_augmentations_and_versions_have_names(string augmentation, byte version, UnwindFault expected)
    {
        var builder = new FrameBuilder();
        builder.Function(builder.Common(FrameBuilder.Ordinary, augmentation, version: version), 0, 64, []);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "unknown"));
        Assert.Equal([expected, UnwindFault.NoCommonEntry], table.Problems.Select(problem => problem.Fault));
    }

    [Fact]
    public void Debug_frame_is_read_by_its_own_rules()
    {
        var builder = new FrameBuilder { IsDebugFrame = true, HasSearchTable = false };
        builder.Function(builder.Common(FrameBuilder.Ordinary, "", version: 4), 16, 64, [0x44, 0x0e, 0x10]);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "debug"));
        Assert.Empty(table.Problems);
        Assert.Equal("rsp+16 ra=c-8", table.Rows(table.Find(Start + 20)!).At(Start + 20)?.ToString());
        Assert.Null(table.Find(Start + 15));
    }

    [Fact]
    public void A_zero_length_in_the_middle_ends_nothing()
    {
        var builder = new FrameBuilder();
        var common = builder.Common(FrameBuilder.Ordinary);
        builder.Raw([0, 0, 0, 0]);
        builder.Function(common, 0, 64, []);
        Assert.Single(UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "ended")).Entries);
    }

    [Fact]
    public void An_object_that_is_not_linked_says_so() =>
        Assert.Equal(UnwindFault.NotLinked, UnwindTable.Read(ElfFile.Parse(new ObjectBuilder().ToArray(), "o")).Problems.Single().Fault);

    /// <summary>Three frames: a leaf, a caller that keeps rbp, and a first frame without a caller.</summary>
    [Fact]
    public void A_walk_ends_where_the_return_address_is_undefined()
    {
        var builder = new FrameBuilder();
        var common = builder.Common(FrameBuilder.Ordinary);
        builder.Function(common, 0, 64, []);
        builder.Function(common, 64, 64, [0x0c, 6, 16, 0x86, 2]);
        builder.Function(common, 128, 64, [0x07, 16]);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "walk"));
        // rsp 0x100 → return into 64…; rbp 0x200: saved rbp 0x300, return into 128….
        var memory = new Picture { [0x100] = Start + 80, [0x200] = 0x300, [0x208] = Start + 140 };
        var registers = new FrameRegisters();
        registers.Set(DwarfRegister.Rip, Start + 8);
        registers.Set(DwarfRegister.Rsp, 0x100);
        registers.Set(DwarfRegister.Rbp, 0x200);
        var trace = new Unwinder(new SingleModule(table), memory).Walk(registers);
        Assert.IsType<TraceEnd.UndefinedReturnAddress>(trace.End);
        Assert.Equal([0x108UL, 0x210, 0x218], trace.Frames.Select(frame => frame.Cfa));
        Assert.Equal([Start + 8, Start + 79, Start + 139], trace.Frames.Select(frame => frame.LookupPc));
        Assert.Equal([0x100UL, 0x208UL, null], trace.Frames.Select(frame => frame.ReturnSlot));
        Assert.Equal(0x300UL, trace.Frames[1].Caller[DwarfRegister.Rbp]);
    }

    [Fact]
    public void A_walk_that_cannot_go_on_is_incomplete()
    {
        var builder = new FrameBuilder();
        builder.Function(builder.Common(FrameBuilder.Ordinary), 0, 64, []);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "walk"));
        Assert.Equal(UnwindFault.Unreadable, Fault(new Picture()));
        Assert.Equal(UnwindFault.NoEntry, Fault(new Picture { [0x100] = Start + 200 }));
        Assert.IsType<TraceEnd.ZeroReturnAddress>(Walk(new Picture { [0x100] = 0 }).End);
        var endless = new Picture { All = Start + 9 };
        Assert.Equal(UnwindFault.TooManyFrames, Fault(endless, UnwindLimits.Default with { MaxFrames = 100 }));

        UnwoundTrace Walk(Picture memory, UnwindLimits? limits = null)
        {
            var registers = new FrameRegisters();
            registers.Set(DwarfRegister.Rip, Start + 8);
            registers.Set(DwarfRegister.Rsp, 0x100);
            return new Unwinder(new SingleModule(table), memory, limits).Walk(registers);
        }

        UnwindFault? Fault(Picture memory, UnwindLimits? limits = null)
        {
            var trace = Walk(memory, limits);
            Assert.False(trace.IsComplete);
            return (trace.End as TraceEnd.Failed)?.Problem.Fault;
        }
    }

    [Fact]
    public void A_frame_that_is_its_own_caller_is_a_loop()
    {
        // val_offset of rsp: rsp is what it was; the return address leads to itself.
        var builder = new FrameBuilder();
        builder.Function(builder.Common(FrameBuilder.Ordinary), 0, 64, [0x14, 7, 1]);
        var registers = new FrameRegisters();
        registers.Set(DwarfRegister.Rip, Start + 8);
        registers.Set(DwarfRegister.Rsp, 0x100);
        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "loop"));
        var trace = new Unwinder(new SingleModule(table), new Picture { All = Start + 8 }).Walk(registers);
        Assert.Equal(UnwindFault.Loop, Assert.IsType<TraceEnd.Failed>(trace.End).Problem.Fault);
    }

    private static UnwindRows Rows(string program, byte encoding = 0x1b, UnwindLimits? limits = null, bool pads = true)
    {
        var builder = new FrameBuilder();
        var common = builder.Common(FrameBuilder.Ordinary, augmentationData: [encoding]);
        var bytes = Bytes(program);
        if (pads && encoding == 0x1b)
        {
            builder.Function(common, 0, 64, bytes);
        }
        else
        {
            var at = builder.Raw([]);
            var start = encoding == 0x1b ? Start - (FrameBuilder.Frames + (ulong)at + 8) : Start;
            byte[] body = [.. FrameBuilder.Number32(at + 4 - common), .. FrameBuilder.Number32(unchecked((int)start)), .. FrameBuilder.Number32(64), 0, .. bytes];
            builder.Raw([.. FrameBuilder.Number32(body.Length), .. body]);
        }

        var table = UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "rows"), limits);
        return table.Rows(Assert.Single(table.Entries));
    }

    private static (UnwoundFrame? Frame, TraceEnd? End) Step(byte[] program)
    {
        var builder = new FrameBuilder();
        builder.Function(builder.Common([0x0c, 7, 8, 0x08, 16]), 0, 64, program);
        var registers = new FrameRegisters();
        registers.Set(DwarfRegister.Rip, Start + 16);
        registers.Set(DwarfRegister.Rsp, 0x2000);
        registers.Set(DwarfRegister.Rbp, 0x1000);
        var unwinder = new Unwinder(new SingleModule(UnwindTable.Read(ElfFile.Parse(builder.ToArray(), "step"))), new Picture { IsItsAddress = true });
        var end = unwinder.Step(registers, isExact: true, out var frame);
        return (frame, end);
    }

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>A picture of memory.</summary>
    private sealed class Picture : Dictionary<ulong, ulong>, IFrameMemory
    {
        /// <summary>Every word.</summary>
        public ulong? All { get; init; }

        /// <summary>Every word from 256 on holds its address plus 5.</summary>
        public bool IsItsAddress { get; init; }

        public bool TryRead(ulong address, Span<byte> into)
        {
            if (All is null && !IsItsAddress && !ContainsKey(address))
            {
                return false;
            }

            var value = IsItsAddress ? address + 5 : All ?? this[address];
            BitConverter.GetBytes(value).AsSpan(0, into.Length).CopyTo(into);
            return !IsItsAddress || address >= 256;
        }
    }
}
