using Iced.Intel;

namespace Harness.Binary.StackUse;

/// <summary>Decodes functions, once, into the few steps that a walk follows.</summary>
internal sealed partial class StepReader(CodeImage image, long? limitDistance, int maxInstructions)
{
    /// <summary>What a function that calls nothing may use below rsp (System V ABI, 3.2.2).</summary>
    private const int RedZoneBytes = 128;

    private readonly List<Step> _steps = [];
    private readonly HashSet<ulong> _taken = [];
    private readonly List<Instruction> _instructions = [];
    private bool _jumpsByPointer;
    private CodeFunction _function = new(0, 0, "", 0);
    private bool _compared;
    private long _lowestFromFrame;

    /// <summary>
    /// Of the registers that code uses for anything, those of which the steps just above say something. What a walk knows of them ends where
    /// a jump arrives, so a step that forgets is needed behind one that keeps only.
    /// </summary>
    private uint _kept;

    /// <summary>The table of places that a jump goes by, where it stands in the function itself, behind the jump: no code.</summary>
    private (ulong Start, ulong End) _table;

    public Steps Read(CodeFunction function)
    {
        _function = function;
        _steps.Clear();
        _taken.Clear();
        _compared = false;
        _lowestFromFrame = 0;
        _instructions.Clear();
        _jumpsByPointer = false;
        _kept = 0;
        var code = image.Bytes(function.Start, (int)Math.Min(function.End - function.Start, int.MaxValue), codeOnly: true).ToArray();
        var reader = new ByteArrayCodeReader(code);
        var decoder = Decoder.Create(64, reader, function.Start);
        var decoded = 0;
        _table = default;
        while (decoder.IP < function.End)
        {
            if (decoder.IP >= _table.Start && decoder.IP < _table.End)
            {
                (reader.Position, decoder.IP) = ((int)(_table.End - function.Start), _table.End);
                continue;
            }

            decoder.Decode(out var instruction);
            if (++decoded > maxInstructions)
            {
                Add(StepKind.Bad, instruction);
                break;
            }

            _instructions.Add(instruction);
            Follow(instruction);
        }

        var all = _jumpsByPointer ? new DecodedCode([.. _instructions]) : null;
        return new Steps(function, [.. _steps], _lowestFromFrame, [.. _taken], all);
    }

    private void Add(StepKind kind, in Instruction instruction, long value = 0, Kept register = Kept.None)
    {
        if (register is Kept.A or Kept.B or Kept.D && kind is StepKind.Forget or StepKind.KeepStack or StepKind.KeepNumber)
        {
            var bit = 1u << (int)register;
            if (kind is StepKind.Forget && (_kept & bit) == 0)
            {
                return;
            }

            _kept = kind is StepKind.Forget ? _kept & ~bit : _kept | bit;
        }

        _steps.Add(new Step(kind, register, instruction.IP, instruction.NextIP, value));
        if (kind is StepKind.Lower && value < 0)
        {
            TakeBackLowering(-value);
        }
    }

    /// <summary>
    /// Checks that have no register to spare take the frame off rsp, compare, and put it back: nothing is used below, so this is one comparison.
    /// </summary>
    private void TakeBackLowering(long frame)
    {
        if (_steps is [.., { Kind: StepKind.Lower } down, { Kind: StepKind.CompareLimit, Register: Kept.Stack } compare, _] && down.Value == frame)
        {
            _steps.RemoveRange(_steps.Count - 3, 3);
            _steps.Add(compare with { Address = down.Address, Value = frame });
        }
    }

    /// <summary>A place below rsp whose address is only compared with the limit, right behind: nothing is written there.</summary>
    private void TakeBackTouch()
    {
        if (_steps is [.., { Kind: StepKind.Touch } touch, { Kind: StepKind.KeepStack } keep] && touch.Address == keep.Address)
        {
            _steps.RemoveAt(_steps.Count - 2);
        }
    }

    private void Follow(in Instruction instruction)
    {
        if (instruction.IsInvalid)
        {
            Add(StepKind.Bad, instruction);
            return;
        }

        // The kernel's alone: elsewhere it faults (Intel SDM volume 2, HLT). How musl ends a process whose stack was smashed.
        if (instruction.Mnemonic is Mnemonic.Hlt)
        {
            Add(StepKind.Trap, instruction);
            return;
        }

        if (instruction.FlowControl is not FlowControl.Next)
        {
            FollowFlow(instruction);
            return;
        }

        var based = instruction.MemoryBase;
        if (based is Register.RBP or Register.RSP && (instruction.Mnemonic is not Mnemonic.Lea || IsOfRedZone(instruction)))
        {
            FollowMemory(instruction, based);
        }

        FollowAddress(instruction);
        FollowStack(instruction);
        FollowSlot(instruction);
        if (_compared && instruction.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test or Mnemonic.Lea or Mnemonic.Mov) && instruction.RflagsModified != RflagsBits.None)
        {
            _compared = false;
            Add(StepKind.ForgetFlags, instruction);
        }
    }

    /// <summary>An address of code that is put into a register.</summary>
    private void FollowAddress(in Instruction instruction)
    {
        var address = instruction.Mnemonic switch
        {
            Mnemonic.Lea when instruction.IsIPRelativeMemoryOperand => instruction.IPRelativeMemoryAddress,
            Mnemonic.Mov when instruction.Op1Kind is OpKind.Immediate32 or OpKind.Immediate64 or OpKind.Immediate32to64 => instruction.GetImmediate(1),
            _ => 0ul,
        };
        if (address != 0 && image.Containing(address) is { } function && function.Start == address)
        {
            _taken.Add(address);
        }
    }

    /// <summary>
    /// An address in the frame that is put into a register, to be written through. Further below rsp nothing can be kept: there it is a number to compare.
    /// </summary>
    private static bool IsOfRedZone(in Instruction instruction) =>
        instruction.Op0Register is not Register.RSP && (instruction.MemoryBase is Register.RBP || unchecked((long)instruction.MemoryDisplacement64) >= -RedZoneBytes);

    private void FollowMemory(in Instruction instruction, Register based)
    {
        var displacement = unchecked((long)instruction.MemoryDisplacement64);
        if (displacement >= 0)
        {
            return;
        }

        if (based is Register.RBP)
        {
            _lowestFromFrame = Math.Min(_lowestFromFrame, displacement);
        }
        else
        {
            Add(StepKind.Touch, instruction, displacement);
        }
    }

    private void FollowFlow(in Instruction instruction)
    {
        var near = instruction.Op0Kind is OpKind.NearBranch64;
        var target = near ? unchecked((long)instruction.NearBranchTarget) : 0;
        switch (instruction.FlowControl)
        {
            case FlowControl.Call when near:
                Add(StepKind.Call, instruction, target);
                _kept |= 1u << (int)Kept.A; // It may be a checkpoint's answer.
                break;
            case FlowControl.IndirectCall:
                Add(StepKind.CallPointer, instruction, Slot(instruction));
                break;
            case FlowControl.UnconditionalBranch when near:
                Add(StepKind.Jump, instruction, target);
                break;
            case FlowControl.IndirectBranch:
                SkipTable(instruction);
                _jumpsByPointer |= Slot(instruction) == 0;
                Add(StepKind.JumpPointer, instruction, Slot(instruction));
                break;
            case FlowControl.ConditionalBranch when near:
                Add(instruction.ConditionCode switch
                {
                    ConditionCode.a => StepKind.BranchAbove,
                    ConditionCode.be => StepKind.BranchBelowOrEqual,
                    ConditionCode.e => StepKind.BranchEqual,
                    ConditionCode.ne => StepKind.BranchDifferent,
                    _ => StepKind.Branch,
                }, instruction, target);
                break;
            case FlowControl.Return:
                Add(StepKind.Return, instruction);
                break;
            case FlowControl.Exception:
                Add(StepKind.Trap, instruction);
                break;
            case FlowControl.Interrupt:
                Add(instruction.Mnemonic is Mnemonic.Int3 or Mnemonic.Int1 ? StepKind.Trap : StepKind.Bad, instruction);
                break;
            case FlowControl.Call when instruction.Mnemonic is Mnemonic.Syscall or Mnemonic.Vmcall:
                break; // The kernel runs on a stack of its own.
            default:
                Add(StepKind.Bad, instruction);
                break;
        }
    }

    /// <summary>The constant address of the word that a call or jump takes its target from; 0: none.</summary>
    private static long Slot(in Instruction instruction) =>
        instruction.Op0Kind is not OpKind.Memory ? 0
        : instruction.IsIPRelativeMemoryOperand ? unchecked((long)instruction.IPRelativeMemoryAddress)
        : instruction is { MemoryBase: Register.None, MemoryIndex: Register.None, SegmentPrefix: Register.None }
            ? unchecked((long)instruction.MemoryDisplacement64) : 0;

    /// <summary>A jump by a table of words that stands behind it, in the function itself: what follows is no code.</summary>
    private void SkipTable(in Instruction instruction)
    {
        var start = instruction.MemoryDisplacement64;
        if (instruction is { Op0Kind: OpKind.Memory, MemoryBase: Register.None, MemoryIndexScale: 8 } && instruction.MemoryIndex is not Register.None
            && start >= instruction.NextIP && start < _function.End)
        {
            var end = start;
            while (end + 8 <= _function.End && IsPlace(end))
            {
                end += 8;
            }

            _table = (start, end);
        }
    }

    private bool IsPlace(ulong word) => image.WordAt(word) is { } place && place > _function.Start && place < _function.End;

    private void FollowStack(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push when instruction.Op0Kind is not (OpKind.Register or OpKind.Memory) && instruction.StackPointerIncrement == -8:
                Add(StepKind.PushNumber, instruction, unchecked((long)instruction.GetImmediate(0)));
                return;
            case Mnemonic.Push or Mnemonic.Pushfq or Mnemonic.Pushf:
                Add(StepKind.Lower, instruction, -instruction.StackPointerIncrement);
                return;
            case Mnemonic.Pop or Mnemonic.Popfq or Mnemonic.Popf:
                Add(StepKind.Lower, instruction, -instruction.StackPointerIncrement);
                FollowWrite(instruction, lost: true);
                return;
            case Mnemonic.Leave:
                Add(StepKind.SetStack, instruction, 8, Kept.Frame);
                Add(StepKind.Forget, instruction, 0, Kept.Frame);
                return;
            case Mnemonic.Enter:
                Add(StepKind.Bad, instruction);
                return;
            case Mnemonic.Cmp or Mnemonic.Test:
                FollowCompare(instruction);
                return;
            case Mnemonic.Bt:
                return;
            case Mnemonic.Xchg or Mnemonic.Xadd or Mnemonic.Cmpxchg when instruction.Op1Kind is OpKind.Register:
                Lose(instruction, instruction.Op1Register);
                FollowWrite(instruction, lost: true);
                return;
            case Mnemonic.Cpuid:
                Add(StepKind.Forget, instruction, 0, Kept.A);
                Add(StepKind.Forget, instruction, 0, Kept.B);
                return;
            case Mnemonic.Mul or Mnemonic.Div or Mnemonic.Idiv or Mnemonic.Cdqe or Mnemonic.Cwde or Mnemonic.Rdtsc or Mnemonic.Lodsb or Mnemonic.Lodsq:
                Add(StepKind.Forget, instruction, 0, Kept.A);
                return;
            case Mnemonic.Imul when instruction.OpCount == 1:
                Add(StepKind.Forget, instruction, 0, Kept.A);
                return;
            default:
                FollowWrite(instruction, lost: false);
                return;
        }
    }

    private void FollowCompare(in Instruction instruction)
    {
        var compared = _compared;
        _compared = true;
        var (first, second) = (instruction.Op0Register, instruction.Op1Register);
        var register = KeptOf(first);
        if (FollowZeroCompare(instruction))
        {
            return;
        }

        if (instruction.Mnemonic is Mnemonic.Cmp && register is not Kept.None && first.GetSize() == 8 && instruction is { SegmentPrefix: Register.FS, MemoryBase: Register.None, MemoryIndex: Register.None }
            && unchecked((long)instruction.MemoryDisplacement64) == limitDistance && instruction.Op1Kind is OpKind.Memory)
        {
            TakeBackTouch();
            Add(StepKind.CompareLimit, instruction, 0, register);
        }
        else if (instruction.Mnemonic is Mnemonic.Cmp && instruction.Op0Kind is OpKind.Register && instruction.Op1Kind is OpKind.Register
            && first.GetSize() == 8 && (first is Register.RSP || second is Register.RSP))
        {
            Add(StepKind.CompareStack, instruction, 0, KeptOf(first is Register.RSP ? second : first));
        }
        else
        {
            _compared = false;
            if (compared)
            {
                Add(StepKind.ForgetFlags, instruction);
            }
        }
    }

    /// <summary>An instruction whose first operand, where it is a register, is written.</summary>
    private void FollowWrite(in Instruction instruction, bool lost)
    {
        if (instruction.OpCount == 0 || instruction.Op0Kind is not OpKind.Register)
        {
            return;
        }

        var target = instruction.Op0Register;
        var register = KeptOf(target);
        if (register is Kept.Stack)
        {
            FollowStackWrite(instruction, lost);
        }
        else if (register is not Kept.None)
        {
            FollowKeptWrite(instruction, register, lost);
        }
    }

    private void Lose(in Instruction instruction, Register register)
    {
        switch (KeptOf(register))
        {
            case Kept.None:
                break;
            case Kept.Stack:
                Add(StepKind.LeaveStack, instruction);
                break;
            case var kept:
                Add(StepKind.Forget, instruction, 0, kept);
                break;
        }
    }

    private static Kept KeptOf(Register register) => register.GetFullRegister() switch
    {
        Register.RSP => Kept.Stack,
        Register.RBP => Kept.Frame,
        Register.RAX => Kept.A,
        Register.RBX => Kept.B,
        Register.RDI => Kept.D,
        Register.R10 => Kept.R10,
        Register.R11 => Kept.R11,
        _ => Kept.None,
    };
}
