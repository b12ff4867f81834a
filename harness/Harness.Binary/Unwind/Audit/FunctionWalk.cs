using Harness.Binary.Flow;
using Iced.Intel;

namespace Harness.Binary.Unwind.Audit;

/// <summary>
/// Follows every path of one function from its entry, knowing at each instruction where the frame is, and has each row compared with that. Where paths
/// meet, each arrival is compared with the row, and on goes what they agree on.
/// </summary>
internal sealed class FunctionWalk(CodeImage image, RowCheck check, Transfer transfer)
{
    private CodeFunction _function = null!;
    private UnwindRows _rows = null!;
    private AbstractState?[] _states = [];
    private bool[] _reached = [];
    private bool[] _isTarget = [];
    private readonly Stack<int> _open = new();
    private readonly HashSet<int> _queued = [];
    private readonly AbstractState _current = AbstractState.AtEntry(8);

    /// <summary>States that functions before have left: each branch target needs one, and they are half a kilobyte.</summary>
    private readonly Stack<AbstractState> _spare = new();

    public int Instructions { get; private set; }

    public int Unreached { get; private set; }

    /// <param name="depth">Bytes from rsp at the entry to the CFA.</param>
    public void Run(CodeFunction function, UnwindRows rows, int depth)
    {
        (_function, _rows) = (function, rows);
        var count = function.Instructions.Length;
        if (_states.Length < count)
        {
            _states = new AbstractState?[2 * count];
            _reached = new bool[2 * count];
        }

        _isTarget = BranchTargets.Of(function);
        Arrive(0, AbstractState.AtEntry(depth));
        while (_open.TryPop(out var at))
        {
            _queued.Remove(at);
            Block(at);
        }

        RowsAtBoundaries();
        for (var i = 0; i < count; i++)
        {
            Instructions += _reached[i] ? 1 : 0;
            Unreached += _reached[i] ? 0 : 1;
            _reached[i] = false;
            if (_states[i] is { } state)
            {
                _spare.Push(state);
                _states[i] = null;
            }
        }
    }

    /// <summary>Another path reaches an instruction.</summary>
    private void Arrive(int index, AbstractState state)
    {
        if (_states[index] is not { } known)
        {
            _states[index] = Kept(state);
        }
        else
        {
            if (known.IsMetBy(state))
            {
                return;
            }

            // The paths disagree: each has to agree with the row by itself.
            CheckRow(index, known);
            CheckRow(index, state);
            known.Meet(state);
        }

        if (_queued.Add(index))
        {
            _open.Push(index);
        }
    }

    private AbstractState Kept(AbstractState state)
    {
        if (!_spare.TryPop(out var spare))
        {
            return state.Copy();
        }

        spare.Assign(state);
        return spare;
    }

    private void CheckRow(int index, AbstractState state)
    {
        ref readonly var instruction = ref _function.Instructions[index];
        if (_rows.At(instruction.IP) is { } row)
        {
            check.Row(_function, instruction, row, state);
        }
    }

    /// <summary>From one instruction straight on, until control goes elsewhere or paths meet.</summary>
    private void Block(int start)
    {
        _current.Assign(_states[start]!);
        UnwindRow? row = null;
        var isUnusual = false;
        for (var at = start; ; at++)
        {
            ref readonly var instruction = ref _function.Instructions[at];
            _reached[at] = true;
            if (row is null || instruction.IP >= row.End || _current.Changed || isUnusual)
            {
                row = row is not null && instruction.IP < row.End ? row : _rows.At(instruction.IP);
                isUnusual = row is not null && !AbstractState.Watches(Math.Max(row.Cfa.Register, 0));
                Compare(instruction, row);
            }

            if (instruction.IsInvalid)
            {
                NotDecodable(instruction);
                return;
            }

            if (!Continues(at, instruction))
            {
                return;
            }

            if (at + 1 == _function.Instructions.Length)
            {
                return; // Unreachable in the source, or a call that does not return: whether there is code behind is the tables' matter.
            }

            if (_isTarget[at + 1] || _states[at + 1] is not null)
            {
                Arrive(at + 1, _current);
                return;
            }
        }
    }

    private void Compare(in Instruction instruction, UnwindRow? row)
    {
        _current.Changed = false;
        if (row is not null)
        {
            check.Row(_function, instruction, row, _current);
        }
        else if (_rows.Problem is null)
        {
            check.Note(FindingKind.NoRow, _function, instruction, "row", "a row", "none");
        }
    }

    /// <summary>Applies an instruction; false when the next one is not reached by it.</summary>
    private bool Continues(int at, in Instruction instruction)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.Next or FlowControl.XbeginXabortXend:
                transfer.Apply(instruction, _current);
                return instruction.Mnemonic is not Mnemonic.Hlt;
            case FlowControl.Return:
                check.Exit(_function, instruction, _current);
                return false;
            case FlowControl.ConditionalBranch:
                return Branch(at, instruction);
            case FlowControl.UnconditionalBranch:
                Jump(instruction, null);
                return false;
            case FlowControl.IndirectBranch:
                JumpThrough(at, instruction);
                return false;
            case FlowControl.Call:
                return Call(at, instruction);
            case FlowControl.IndirectCall:
                Transfer.Call(_current, keepsRegisters: false, pops: 0);
                return true;
            case FlowControl.Exception:
                return false;
            default: // syscall, int n
                transfer.Apply(instruction, _current);
                return true;
        }
    }

    /// <summary>Both ways of a conditional branch, but for one that what is known excludes: a loop that probes a frame ends when rsp has arrived.</summary>
    private bool Branch(int at, in Instruction instruction)
    {
        var isEqual = instruction.ConditionCode is ConditionCode.e or ConditionCode.ne ? AreEqual(at) : null;
        var jumpsIfEqual = instruction.ConditionCode is ConditionCode.e;
        if (isEqual is null || isEqual == jumpsIfEqual)
        {
            Jump(instruction, jumpsIfEqual ? Equal(at) : null);
        }

        if (isEqual is not null && isEqual == jumpsIfEqual)
        {
            return false;
        }

        Learn(instruction.ConditionCode is ConditionCode.ne ? Equal(at) : null);
        return true;
    }

    private bool Call(int at, in Instruction instruction)
    {
        var target = instruction.NearBranchTarget;
        var special = image.SpecialAt(target);
        Transfer.Call(_current, special is not null, special?.Pops ?? 0);
        if (special is { Resumes: true } && at + 2 < _function.Instructions.Length)
        {
            // Morestack goes on behind the `ret` that it returns to, with the caller's registers.
            Arrive(at + 2, _current);
        }

        return image.StartingAt(target) is not { Returns: false };
    }

    private void Jump(in Instruction instruction, (int, AbstractValue)? learned)
    {
        var target = instruction.NearBranchTarget;
        if (_function.IndexOf(target) is var index and >= 0)
        {
            var before = learned is var (register, value) ? _current[register] : default;
            Learn(learned);
            Arrive(index, _current);
            if (learned is var (changed, _))
            {
                _current[changed] = before;
            }
        }
        else if (_function.Entry.Covers(target))
        {
            check.Note(FindingKind.NotDecodable, _function, instruction, "branch", "a branch to an instruction", $"one into the middle of another, at {target:x}");
        }
        else
        {
            Leave(instruction, target);
        }
    }

    /// <summary>A branch out of the FDE: to a function's beginning, or into one that shares its body.</summary>
    private void Leave(in Instruction instruction, ulong target)
    {
        var other = image.Covering(target);
        if (other is null || other.Entry.Start == target)
        {
            check.Exit(_function, instruction, _current);
        }
        else if (other.IndexOf(target) is var index and >= 0 && image.Table.Rows(other.Entry).At(target) is { } row)
        {
            check.Row(other, other.Instructions[index], row, _current);
        }
        else
        {
            check.Note(FindingKind.NotDecodable, _function, instruction, "branch", "a branch to an instruction", $"one to {target:x}");
        }
    }

    private void JumpThrough(int at, in Instruction instruction)
    {
        var places = JumpTable.Places(image, _function, at, Transfer.JumpTarget(instruction, _current));
        foreach (var place in places)
        {
            Arrive(place, _current);
        }

        if (places.Count > 0)
        {
            return;
        }

        if (_current[DwarfRegister.Rsp] == AbstractValue.Cfa(-8))
        {
            check.Exit(_function, instruction, _current);
        }
        else
        {
            check.Note(FindingKind.UnresolvedJump, _function, instruction, "jump", "targets that the code tells", "an indirect jump from inside the frame");
        }
    }

    /// <summary>The registers of a <c>cmp a, b</c> right before an instruction.</summary>
    private (int Left, int Right)? Compared(int at) => at > 0
        && _function.Instructions[at - 1] is { Mnemonic: Mnemonic.Cmp, Op0Kind: OpKind.Register, Op1Kind: OpKind.Register } compare
        && compare.Op0Register.GetSize() == 8
        ? (Transfer.Number(compare.Op0Register), Transfer.Number(compare.Op1Register))
        : null;

    /// <summary>Whether two places of the frame that were just compared are one; null when that is not known.</summary>
    private bool? AreEqual(int at) => Compared(at) is var (left, right) && _current[left].Kind is ValueKind.Cfa && _current[right].Kind is ValueKind.Cfa
        ? _current[left] == _current[right]
        : null;

    /// <summary>Where two registers are equal, what is known of one is known of the other.</summary>
    private (int Register, AbstractValue Value)? Equal(int at) => Compared(at) is not var (left, right) ? null
        : (_current[left].IsKnown, _current[right].IsKnown) switch
        {
            (false, true) => (left, _current[right]),
            (true, false) => (right, _current[left]),
            _ => null,
        };

    private void Learn((int Register, AbstractValue Value)? learned)
    {
        if (learned is var (register, value))
        {
            _current[register] = value;
        }
    }

    /// <summary>The last bytes of an FDE that decode to nothing are an instruction that goes on behind it.</summary>
    private void NotDecodable(in Instruction instruction)
    {
        if (instruction.NextIP >= _function.Entry.End)
        {
            check.Note(FindingKind.EndInsideInstruction, _function, instruction, "end", "an FDE that ends with an instruction", $"one up to {_function.Entry.End:x}");
        }
        else
        {
            check.Note(FindingKind.NotDecodable, _function, instruction, "code", "an instruction", "bytes that are none");
        }
    }

    private void RowsAtBoundaries()
    {
        foreach (var row in _rows.Rows)
        {
            if (_function.IndexOf(row.Start) < 0)
            {
                ref readonly var nearest = ref Before(row.Start);
                check.Note(FindingKind.RowInsideInstruction, _function, nearest, "row", "rows that begin with an instruction", $"one at {row.Start:x}");
            }
        }
    }

    private ref readonly Instruction Before(ulong address)
    {
        var index = 0;
        for (var at = address; at > _function.Entry.Start && (index = _function.IndexOf(at)) < 0; at--)
        {
        }

        return ref _function.Instructions[Math.Max(index, 0)];
    }
}
