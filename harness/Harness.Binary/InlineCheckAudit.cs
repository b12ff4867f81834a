using Iced.Intel;

namespace Harness.Binary;

/// <summary>
/// Looks for itself, in the finished object, which functions begin with a whole check of the assembly route (drawn at
/// Harness.Toolchain's SplitAssembly): that it compares with the right limit, what it tells morestack is no less than the body
/// uses, and its way back leads to the body's first instruction. Believes nothing of what was inserted.
/// </summary>
public static class InlineCheckAudit
{
    /// <param name="unsplit">Functions that were left out on purpose, and why.</param>
    /// <exception cref="InvalidDataException">The object is malformed.</exception>
    public static InjectionReport Run(
        ElfFile file, IReadOnlyDictionary<string, UnsplitReason> unsplit, InjectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(unsplit);
        ArgumentNullException.ThrowIfNull(options);
        var relocations = new Relocations(file);
        var missing = new List<UnsplitFunction>();
        var unknownFrames = 0;
        var functions = CodeFunctions.Of(file);
        foreach (var function in functions)
        {
            if (Body(file, function, relocations, options) is { } body)
            {
                unknownFrames += body.FrameKnown ? 0 : 1;
            }
            else
            {
                var reason = unsplit.GetValueOrDefault(function.Name, UnsplitReason.CheckMissing);
                missing.Add(SplitChoice.Unsplit(function, CodeFunctions.Scan(file, function), reason));
            }
        }

        var split = functions.Count - missing.Count;
        return new InjectionReport(functions.Count, split, [.. missing], unknownFrames, 0);
    }

    /// <summary>What the code between check and cold block uses; null where the check is not what it has to be.</summary>
    private static FunctionScan? Body(ElfFile file, ElfSymbol function, Relocations relocations, InjectionOptions options)
    {
        var code = CodeFunctions.Code(file, function).ToArray();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code), function.Value);
        if (Compare(decoder, relocations.Of(function.Section), options.LimitSlot) is not var (compared, cold)
            || cold <= decoder.IP || cold >= function.Value + (ulong)code.Length
            || Cold(code, function.Value, cold, decoder.IP, relocations.Of(function.Section)) is not { } sizes)
        {
            return null;
        }

        var at = (int)(decoder.IP - function.Value);
        var body = FunctionScan.Of(
            code.AsSpan(at, (int)(cold - decoder.IP)), decoder.IP, _ => true, file.Limits.MaxFunctionInstructions);
        var frame = body.FrameKnown ? body.FrameBytes : options.UnknownFrameBytes;
        var stated = (sizes & 0xfffffL) * 16;
        var arguments = ((sizes >> 20) & 0x7ff) * 64;
        var enough = frame <= stated
            && (frame < ThunkCode.SmallFrameBytes || frame <= compared)
            && (sizes >= 0 ? arguments >= options.ArgumentBytes : body.ArgumentBytes >= 0 && body.ArgumentBytes <= arguments);
        return enough ? body : null;
    }

    /// <summary>
    /// <c>cmp %fs:LIMIT, %rsp; jbe cold</c>, with rsp lowered by the frame for the comparison or not; the decoder stops behind it.
    /// </summary>
    private static (long FrameBytes, ulong Cold)? Compare(Decoder decoder, IReadOnlyDictionary<ulong, Target> relocations, LimitSlot slot)
    {
        var instruction = decoder.Decode();
        var lowered = Lea(instruction);
        if (lowered is < 0)
        {
            instruction = decoder.Decode();
        }

        var field = instruction.NextIP - 4;
        var limit = relocations.GetValueOrDefault(field);
        var compares = instruction is
            { Mnemonic: Mnemonic.Cmp, SegmentPrefix: Register.FS, Op0Register: Register.RSP, MemoryBase: Register.None, MemoryIndex: Register.None }
            && instruction.MemoryDisplacement64 == (ulong)slot.Displacement
            && limit.Symbol == slot.Variable
            && (slot.Variable is null || limit is { Type: RelocationType.ThreadPointerOffset32, Addend: 0 });
        if (!compares || (lowered is { } by && Lea(decoder.Decode()) != -by))
        {
            return null;
        }

        instruction = decoder.Decode();
        return instruction.Mnemonic is Mnemonic.Jbe ? (-(lowered ?? 0), instruction.NearBranchTarget) : null;
    }

    /// <summary><c>push $SIZES; call hs_morestack_thunk; ret; jmp body</c>, which end the function; the sizes.</summary>
    private static int? Cold(
        byte[] code, ulong start, ulong cold, ulong body, IReadOnlyDictionary<ulong, Target> relocations)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code[(int)(cold - start)..]), cold);
        var push = decoder.Decode();
        var call = decoder.Decode();
        var ret = decoder.Decode();
        var jump = decoder.Decode();
        var target = relocations.GetValueOrDefault(call.NextIP - 4);
        var whole = (push.Code is Code.Pushq_imm32 or Code.Pushq_imm8) && call.Code is Code.Call_rel32_64 && ret.Code is Code.Retnq
            && target is { Symbol: SplitChoice.Morestack, Type: RelocationType.Plt32 or RelocationType.PcRelative32, Addend: -4 }
            && jump.Mnemonic is Mnemonic.Jmp && jump.Op0Kind is OpKind.NearBranch64
            && jump.NearBranchTarget == body && jump.NextIP == start + (ulong)code.Length;
        return whole ? unchecked((int)push.GetImmediate(0)) : null;
    }

    /// <summary>The displacement of <c>lea d(%rsp), %rsp</c>.</summary>
    private static long? Lea(in Instruction instruction) =>
        instruction is { Mnemonic: Mnemonic.Lea, Op0Register: Register.RSP, MemoryBase: Register.RSP, MemoryIndex: Register.None }
            ? (long)instruction.MemoryDisplacement64
            : null;

    private readonly record struct Target(RelocationType Type, string? Symbol, long Addend);

    /// <summary>What the fields of code sections are relocated to, section by section.</summary>
    private sealed class Relocations(ElfFile file)
    {
        private readonly Dictionary<int, Dictionary<ulong, Target>> _bySection = [];

        public IReadOnlyDictionary<ulong, Target> Of(int section)
        {
            if (!_bySection.TryGetValue(section, out var targets))
            {
                _bySection.Add(section, targets = []);
                foreach (var table in file.Sections.Where(
                    s => s.Type is ElfSectionType.RelocationsWithAddend && s.Info == section))
                {
                    foreach (var entry in file.Relocations(table))
                    {
                        var name = (uint)entry.Symbol < (uint)file.Symbols.Length ? file.Symbols[entry.Symbol].Name : null;
                        targets[entry.Offset] = new Target(entry.Type, name, entry.Addend);
                    }
                }
            }

            return targets;
        }
    }
}
