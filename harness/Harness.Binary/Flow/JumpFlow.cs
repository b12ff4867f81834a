using Iced.Intel;

namespace Harness.Binary.Flow;

/// <summary>How a call in the code of one function goes on.</summary>
/// <param name="Returns">Control comes back behind it.</param>
/// <param name="Resumes">It is morestack: control goes on behind the <c>ret</c> that it returns to, with all registers.</param>
/// <param name="Pops">Bytes that it takes off its caller's stack.</param>
internal readonly record struct CallBehaviour(bool Returns, bool Resumes, int Pops);

/// <summary>
/// Follows every path of one function, knowing which constants its registers hold, as far as that tells from which table an indirect jump takes
/// its target. What a table leads to is followed too.
/// </summary>
internal sealed class JumpFlow(ITableImage image, Func<ulong, ulong, CallBehaviour> callOf)
{
    /// <summary>Instructions and table entries looked at, for each of the function's own; beyond it the rest of its jumps stays unread.</summary>
    private const int MaxTurns = 64;

    /// <summary>Of a function: larger ones are not followed.</summary>
    public const int MaxInstructions = 1 << 17;

    private readonly Transfer _transfer = new();
    private readonly AbstractState _current = AbstractState.AtEntry(8);
    private readonly Stack<int> _open = new();
    private readonly Dictionary<ulong, HashSet<int>> _found = [];
    private ICode _code = null!;
    private AbstractState?[] _states = [];
    private bool[] _isTarget = [];
    private long _left;

    /// <summary>By the address of an indirect jump, where it leads; jumps of which that cannot be told are missing.</summary>
    public IReadOnlyDictionary<ulong, ulong[]> Run(ICode code)
    {
        _code = code;
        var count = code.Instructions.Length;
        if (count > MaxInstructions)
        {
            return new Dictionary<ulong, ulong[]>();
        }

        _states = new AbstractState?[count];
        _isTarget = BranchTargets.Of(code);
        _left = (long)MaxTurns * (count + JumpTable.MaxEntries);
        _found.Clear();
        _open.Clear();
        if (count > 0)
        {
            Arrive(0, AbstractState.AtEntry(8));
        }

        while (_left > 0 && _open.TryPop(out var at))
        {
            Block(at);
        }

        return _left > 0
            ? _found.Where(jump => jump.Value.Count > 0).ToDictionary(jump => jump.Key, jump => jump.Value.Order().Select(at => code.Instructions[at].IP).ToArray())
            : new Dictionary<ulong, ulong[]>();
    }

    private void Arrive(int index, AbstractState state)
    {
        if (_states[index] is not { } known)
        {
            _states[index] = state.Copy();
        }
        else
        {
            if (known.IsMetBy(state))
            {
                return;
            }

            known.Meet(state);
        }

        _open.Push(index);
    }

    /// <summary>From one instruction straight on, until control goes elsewhere or paths meet.</summary>
    private void Block(int start)
    {
        _current.Assign(_states[start]!);
        for (var at = start; --_left > 0; at++)
        {
            ref readonly var instruction = ref _code.Instructions[at];
            if (instruction.IsInvalid || !Continues(at, instruction) || at + 1 == _code.Instructions.Length)
            {
                return;
            }

            if (_isTarget[at + 1] || _states[at + 1] is not null)
            {
                Arrive(at + 1, _current);
                return;
            }
        }
    }

    /// <summary>Applies an instruction; false when the next one is not reached by it.</summary>
    private bool Continues(int at, in Instruction instruction)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.ConditionalBranch:
                Jump(instruction);
                return true;
            case FlowControl.UnconditionalBranch:
                Jump(instruction);
                return false;
            case FlowControl.IndirectBranch:
                JumpThrough(at, instruction);
                return false;
            case FlowControl.Call when instruction.Op0Kind is OpKind.NearBranch64:
                return Call(at, instruction);
            case FlowControl.IndirectCall:
                Transfer.Call(_current, keepsRegisters: false, pops: 0);
                return true;
            case FlowControl.Return or FlowControl.Exception:
                return false;
            default:
                _transfer.Apply(instruction, _current);
                return instruction.Mnemonic is not Mnemonic.Hlt;
        }
    }

    private bool Call(int at, in Instruction instruction)
    {
        var behaviour = callOf(instruction.NearBranchTarget, instruction.NextIP);
        Transfer.Call(_current, behaviour.Resumes, behaviour.Pops);
        if (behaviour.Resumes && at + 2 < _code.Instructions.Length)
        {
            Arrive(at + 2, _current);
        }

        return behaviour is { Returns: true, Resumes: false };
    }

    private void Jump(in Instruction instruction)
    {
        if (_code.IndexOf(instruction.NearBranchTarget) is var index and >= 0)
        {
            Arrive(index, _current);
        }
    }

    private void JumpThrough(int at, in Instruction instruction)
    {
        var places = JumpTable.Places(image, _code, at, Transfer.JumpTarget(instruction, _current));
        _left -= places.Count;
        if (!_found.TryGetValue(instruction.IP, out var found))
        {
            _found[instruction.IP] = found = [];
        }

        // Met by a path of which less is known, a jump leads where it cannot be told.
        if (places.Count == 0)
        {
            found.Clear();
            return;
        }

        foreach (var place in places)
        {
            found.Add(place);
            Arrive(place, _current);
        }
    }
}
