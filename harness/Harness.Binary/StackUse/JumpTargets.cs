using Harness.Binary.Flow;
using Iced.Intel;

namespace Harness.Binary.StackUse;

/// <summary>The instructions of one function, in order of address. What stands between them is no code.</summary>
internal sealed class DecodedCode(Instruction[] instructions) : ICode
{
    public ReadOnlySpan<Instruction> Instructions => instructions;

    public int IndexOf(ulong address)
    {
        var (low, high) = (0, instructions.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var at = instructions[middle].IP;
            if (at == address)
            {
                return middle;
            }

            (low, high) = at < address ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }
}

/// <summary>Where the jumps by pointers inside functions lead: what their tables say. Each function is followed when it is first asked for.</summary>
internal sealed class JumpTargets(CodeImage image, Landmarks landmarks)
{
    private static readonly ulong[] _none = [];
    private readonly Dictionary<ulong, IReadOnlyDictionary<ulong, ulong[]>> _known = [];

    /// <summary>Found while it was not known of all functions whether they return: with fewer answers, and good enough until that is known.</summary>
    private readonly Dictionary<ulong, IReadOnlyDictionary<ulong, ulong[]>> _inDoubt = [];

    /// <summary>It is known now: who asks again gets all there is.</summary>
    public void ForgetDoubts() => _inDoubt.Clear();

    /// <summary>The places in the function to which a jump may lead; none: no table that can be read says.</summary>
    /// <param name="returns">Which calls come back. While it is itself looking for an answer, what is found is kept until it has it.</param>
    public IReadOnlyList<ulong> Of(Steps steps, ulong jump, Returns returns)
    {
        if (steps.Code is not { } code)
        {
            return _none;
        }

        var start = steps.Function.Start;
        if (!_known.TryGetValue(start, out var found) && !(returns.IsSearching && _inDoubt.TryGetValue(start, out found)))
        {
            found = new JumpFlow(image, (target, next) => BehaviourOf(target, next, returns)).Run(code);
            (returns.IsSearching ? _inDoubt : _known)[start] = found;
        }

        return found.GetValueOrDefault(jump) ?? _none;
    }

    private CallBehaviour BehaviourOf(ulong target, ulong next, Returns returns) => landmarks.RoleOf(target) switch
    {
        CallRole.LlvmMorestack when landmarks.IsReturn(next) => new CallBehaviour(Returns: false, Resumes: true, Pops: 0),
        CallRole.SizedMorestack when landmarks.IsReturn(next) => new CallBehaviour(Returns: false, Resumes: true, Pops: 8),
        CallRole.Probe => new CallBehaviour(Returns: true, Resumes: false, Pops: 0),
        _ => new CallBehaviour(returns.From(target), Resumes: false, Pops: 0),
    };
}
