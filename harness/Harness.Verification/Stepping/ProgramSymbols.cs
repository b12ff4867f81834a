using Harness.Binary;
using Harness.Execution.Tracing;

namespace Harness.Verification.Stepping;

/// <summary>Where a traced program's functions and variables are; its file is read once.</summary>
internal sealed class ProgramSymbols
{
    private readonly Dictionary<string, ulong> _addresses = [];

    public ProgramSymbols(TracedProcess process)
    {
        var file = ElfFile.Load(process.Program);
        var bias = unchecked(process.Entry() - file.EntryPoint);
        foreach (var symbol in file.Symbols)
        {
            if (symbol.IsDefined)
            {
                _addresses.TryAdd(symbol.Name, unchecked(symbol.Value + bias));
            }
        }
    }

    /// <exception cref="TraceException">There is none of that name.</exception>
    public ulong this[string name] =>
        _addresses.TryGetValue(name, out var address) ? address : throw new TraceException($"the program has no {name}, which stepping needs");
}
