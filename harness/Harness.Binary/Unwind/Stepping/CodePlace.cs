using Iced.Intel;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>What an instruction can do to the chain of calls.</summary>
internal enum StepKind : byte
{
    Plain,
    Call,
    Return,
    IndirectJump,

    /// <summary><c>mov %rsp, memory</c>.</summary>
    StoreStackPointer,

    /// <summary><c>mov</c> or <c>lea</c> into rsp.</summary>
    LoadStackPointer,
    SystemCall,

    /// <summary>It puts the flags on the stack, the trap flag of the stepping among them.</summary>
    PushFlags,
}

/// <summary>An address of code: its instruction and the row that holds there, looked up once.</summary>
internal sealed class CodePlace
{
    public required ulong Pc { get; init; }

    public required StepKind Kind { get; init; }

    public required int Length { get; init; }

    /// <summary>It may change memory.</summary>
    public required bool Writes { get; init; }

    public required CodeRole Role { get; init; }

    /// <summary>Null where nothing says how to unwind.</summary>
    public required CompiledRow? Row { get; init; }

    public required TracedModule? Module { get; init; }

    public long Visits { get; set; }

    /// <summary>The whole chain has been compared while control stood here.</summary>
    public bool WholeSeen { get; set; }

    public static CodePlace Of(ulong pc, TracedModule? module)
    {
        var code = module is null ? [] : module.Code(pc);
        var instruction = Decode(code, pc);
        return new CodePlace
        {
            Pc = pc, Kind = KindOf(instruction), Length = instruction.Length, Writes = MayWrite(instruction), Module = module,
            Role = module?.RoleAt(pc) ?? CodeRole.None, Row = module?.RowAt(pc),
        };
    }

    internal static Instruction Decode(ReadOnlySpan<byte> code, ulong pc)
    {
        const int longest = 15;
        var decoder = Decoder.Create(64, code[..Math.Min(longest, code.Length)].ToArray(), pc);
        return code.IsEmpty ? default : decoder.Decode();
    }

    private static StepKind KindOf(in Instruction instruction) => instruction.FlowControl switch
    {
        FlowControl.Call when instruction.Mnemonic is Mnemonic.Syscall => StepKind.SystemCall,
        FlowControl.Call or FlowControl.IndirectCall => StepKind.Call,
        FlowControl.Return => StepKind.Return,
        FlowControl.IndirectBranch => StepKind.IndirectJump,
        _ => instruction switch
        {
            { Mnemonic: Mnemonic.Syscall } => StepKind.SystemCall,
            { Mnemonic: Mnemonic.Pushfq } => StepKind.PushFlags,
            { Mnemonic: Mnemonic.Mov, Op0Kind: OpKind.Memory, Op1Kind: OpKind.Register, Op1Register: Register.RSP } => StepKind.StoreStackPointer,
            { Mnemonic: Mnemonic.Mov or Mnemonic.Lea, Op0Kind: OpKind.Register, Op0Register: Register.RSP } => StepKind.LoadStackPointer,
            _ => StepKind.Plain,
        },
    };

    private static bool MayWrite(in Instruction instruction)
    {
        if (instruction.Mnemonic is Mnemonic.Syscall or Mnemonic.INVALID || instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall)
        {
            return true;
        }

        foreach (var memory in new InstructionInfoFactory().GetInfo(instruction).GetUsedMemory())
        {
            if (memory.Access is not (OpAccess.Read or OpAccess.CondRead or OpAccess.None or OpAccess.NoMemAccess))
            {
                return true;
            }
        }

        return false;
    }
}
