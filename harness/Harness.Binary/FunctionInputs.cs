using System.Collections.Immutable;
using Iced.Intel;

namespace Harness.Binary;

/// <summary>What a function takes from its caller, according to its instructions alone: no run, no convention.</summary>
/// <param name="Registers">In full (<c>RAX</c>, <c>XMM0</c>, <c>ST0</c>), that some path reads before it has written them; saving one for later is not reading.</param>
/// <param name="StackBytes">Offsets from the first stack argument (behind the return address) that are read.</param>
/// <param name="StackAddresses">Offsets, likewise, whose address is taken: what is read there, and how, is not followed.</param>
/// <param name="CallWrites">Registers that are written on the straight way to its first indirect call, and the stack bytes, from rsp at the call, likewise; empty: it has none.</param>
public sealed record FunctionInputs(ImmutableSortedSet<string> Registers, ImmutableSortedSet<int> StackBytes, ImmutableSortedSet<int> StackAddresses, ImmutableHashSet<string> CallWrites, ImmutableSortedSet<int> CallStackBytes)
{
    private const int MaxInstructions = 4096;
    private const int MaxVisits = 20_000;

    /// <summary>Looks at functions of a file by name; what it gives throws <see cref="InvalidDataException"/> for one that is not there.</summary>
    public static Func<string, FunctionInputs> In(ElfFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var functions = CodeFunctions.Of(file).GroupBy(symbol => symbol.Name).ToDictionary(group => group.Key, group => group.First());
        return name => functions.TryGetValue(name, out var symbol) ? Of(file, symbol) : throw file.Bad($"it has no function {name}");
    }

    private static FunctionInputs Of(ElfFile file, ElfSymbol symbol)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(CodeFunctions.Code(file, symbol).ToArray()), symbol.Value);
        var code = new Dictionary<ulong, Instruction>();
        while (decoder.IP < symbol.Value + symbol.Size && code.Count < MaxInstructions)
        {
            var instruction = decoder.Decode();
            code[instruction.IP] = instruction;
        }

        return new Walk(code).From(symbol.Value);
    }

    /// <summary>What is known on a way through the function.</summary>
    /// <param name="Frame">Registers that hold an address in the frame, each counted from rsp at the entry.</param>
    /// <param name="Stored">Bytes that were written, likewise.</param>
    private sealed record State(ImmutableHashSet<Register> Written, ImmutableDictionary<Register, int> Frame, ImmutableHashSet<int> Stored)
    {
        public static State Entry { get; } = new([], ImmutableDictionary<Register, int>.Empty.Add(Register.RSP, 0), []);

        public int Sp => Frame[Register.RSP];

        public State With(Register register, int? place) => this with { Frame = place is { } at ? Frame.SetItem(register, at) : Frame.Remove(register) };
    }

    private sealed class Walk(Dictionary<ulong, Instruction> code)
    {
        private const int FirstArgument = 8;
        private readonly InstructionInfoFactory _info = new();
        private readonly SortedSet<string> _read = new(StringComparer.Ordinal);
        private readonly SortedSet<int> _stack = [];
        private readonly SortedSet<int> _addresses = [];
        private readonly HashSet<(ulong, int)> _seen = [];
        private (ImmutableHashSet<Register> Written, ImmutableHashSet<int> Stored, int Sp)? _call;
        private int _visits;

        public FunctionInputs From(ulong entry)
        {
            var open = new Stack<(ulong, State)>();
            open.Push((entry, State.Entry));
            while (open.TryPop(out var next))
            {
                Follow(next.Item1, next.Item2, open);
            }

            return new FunctionInputs(
                [.. _read], [.. _stack], [.. _addresses], [.. (_call?.Written ?? []).Select(register => register.ToString())],
                [.. (_call?.Stored ?? []).Select(offset => offset - _call!.Value.Sp).Where(offset => offset >= 0)]);
        }

        /// <summary>Straight on until the code ends, returns or was seen with as much written.</summary>
        private void Follow(ulong at, State state, Stack<(ulong, State)> open)
        {
            while (code.TryGetValue(at, out var instruction) && !instruction.IsInvalid && _seen.Add((at, state.Written.Count)) && ++_visits < MaxVisits)
            {
                state = Step(instruction, state);
                if (instruction.FlowControl is FlowControl.ConditionalBranch)
                {
                    open.Push((instruction.NearBranchTarget, state));
                }

                if (instruction.FlowControl is FlowControl.Return or FlowControl.IndirectBranch or FlowControl.Exception)
                {
                    return;
                }

                at = instruction.FlowControl is FlowControl.UnconditionalBranch ? instruction.NearBranchTarget : instruction.NextIP;
            }
        }

        private State Step(in Instruction instruction, State state)
        {
            if (instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall)
            {
                if (instruction.FlowControl is FlowControl.IndirectCall)
                {
                    _call ??= (state.Written, state.Stored, state.Sp);
                }

                // Whatever it leaves is its own.
                return state with { Written = state.Written.Union(Enumerable.Range(0, 16).SelectMany(i => (Register[])[Register.RAX + i, Register.XMM0 + i])) };
            }

            var info = _info.GetInfo(instruction);
            var saves = instruction is { Mnemonic: Mnemonic.Push, Op0Kind: OpKind.Register };
            foreach (var used in info.GetUsedRegisters())
            {
                if (used.Access is OpAccess.Read or OpAccess.ReadWrite or OpAccess.CondRead or OpAccess.ReadCondWrite && !saves)
                {
                    Read(Full(used.Register), state);
                }
            }

            foreach (var memory in info.GetUsedMemory())
            {
                state = Memory(memory, instruction, state);
            }

            foreach (var used in info.GetUsedRegisters())
            {
                if (used.Access is OpAccess.Write or OpAccess.ReadWrite)
                {
                    state = state with { Written = state.Written.Add(Full(used.Register)) };
                }
            }

            if (instruction.Mnemonic is Mnemonic.Lea && instruction.MemoryIndex is Register.None && state.Frame.TryGetValue(instruction.MemoryBase, out var based)
                && based + (long)instruction.MemoryDisplacement64 >= FirstArgument)
            {
                _addresses.Add(based + (int)(long)instruction.MemoryDisplacement64 - FirstArgument);
            }

            return Pointers(instruction, state with { Written = instruction.Mnemonic is Mnemonic.Fld or Mnemonic.Fild or Mnemonic.Fldz or Mnemonic.Fld1 ? state.Written.Add(Register.ST0) : state.Written });
        }

        private static Register Full(Register register) => register.IsVectorRegister() ? Register.XMM0 + register.GetNumber() : register.GetFullRegister();

        private void Read(Register register, State state)
        {
            if (register is not (Register.RSP or Register.RBP) && (register.IsGPR64() || register.IsXMM() || register.IsST()) && !state.Written.Contains(register))
            {
                _read.Add(register.ToString());
            }
        }

        private State Memory(in UsedMemory memory, in Instruction instruction, State state)
        {
            if (!state.Frame.TryGetValue(memory.Base, out var from) || memory.Index is not Register.None || instruction.Mnemonic is Mnemonic.Pop or Mnemonic.Ret or Mnemonic.Leave)
            {
                return state;
            }

            var offset = from + (int)(long)memory.Displacement;
            var bytes = Enumerable.Range(offset, memory.MemorySize.GetSize()).ToList();
            if (memory.Access is OpAccess.Read or OpAccess.ReadWrite or OpAccess.CondRead)
            {
                _stack.UnionWith(bytes.Where(at => at >= FirstArgument && !state.Stored.Contains(at)).Select(at => at - FirstArgument));
            }

            return memory.Access is OpAccess.Write or OpAccess.ReadWrite ? state with { Stored = state.Stored.Union(bytes) } : state;
        }

        /// <summary>What becomes of registers that hold addresses in the frame.</summary>
        private static State Pointers(in Instruction instruction, State state)
        {
            var target = instruction.OpCount > 0 && instruction.Op0Kind is OpKind.Register && instruction.Op0Register.IsGPR64() ? instruction.Op0Register : Register.None;
            switch (instruction.Mnemonic)
            {
                case Mnemonic.Mov when target is not Register.None:
                    return state.With(target, instruction.Op1Kind is OpKind.Register && state.Frame.TryGetValue(instruction.Op1Register, out var copied) ? copied : Kept(target, state));
                case Mnemonic.Lea when target is not Register.None:
                    return state.With(
                        target, instruction.MemoryIndex is Register.None && state.Frame.TryGetValue(instruction.MemoryBase, out var based) ? based + (int)(long)instruction.MemoryDisplacement64 : Kept(target, state));
                case Mnemonic.Sub or Mnemonic.Add when target is Register.RSP && instruction.Op1Kind is (OpKind.Immediate8to64 or OpKind.Immediate32to64):
                    return state.With(target, state.Sp + ((int)instruction.GetImmediate(1) * (instruction.Mnemonic is Mnemonic.Sub ? -1 : 1)));
                case Mnemonic.And when target is Register.RSP:
                    // Where it is then depends on the caller: what is addressed from it counts from here.
                    return state;
                case Mnemonic.Leave:
                    return state.With(Register.RSP, (state.Frame.TryGetValue(Register.RBP, out var frame) ? frame : 0) + 8).With(Register.RBP, null);
                case Mnemonic.Cmp or Mnemonic.Test:
                    return state;
            }

            var moved = instruction.StackPointerIncrement is var by and not 0 ? state.With(Register.RSP, state.Sp + by) : state;
            return target is Register.None or Register.RSP || instruction.Mnemonic is Mnemonic.Push ? moved : moved.With(target, null);
        }

        /// <summary>rsp is somewhere in any case.</summary>
        private static int? Kept(Register target, State state) => target is Register.RSP ? state.Sp : null;
    }
}
