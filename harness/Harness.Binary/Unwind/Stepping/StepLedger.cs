using System.Globalization;

namespace Harness.Binary.Unwind.Stepping;

/// <summary>What was found while stepping: each disagreement once per instruction, and how often what is known.</summary>
internal sealed class StepLedger
{
    /// <summary>Different findings that are kept.</summary>
    private const int MaxFindings = 1000;

    private readonly Dictionary<(ulong, StepFault), StepFinding> _findings = [];
    private readonly Dictionary<StepShortcoming, long> _known = [];

    public IReadOnlyList<StepFinding> Findings => [.. _findings.Values.OrderBy(f => f.Step)];

    public IReadOnlyDictionary<StepShortcoming, long> Known => _known;

    /// <returns>The shortcoming that excuses it; null: it is a finding.</returns>
    public StepShortcoming? Add(CodePlace place, StepFault fault, string expected, string observed, long step)
    {
        var (name, offset) = place.Module?.Name(place.Pc) ?? (place.Pc.ToString("x", CultureInfo.InvariantCulture), 0);
        if (StepShortcoming.Functions.FirstOrDefault(s => s.Where == name) is { } known)
        {
            Excuse(known);
            return known;
        }

        if (_findings.TryGetValue((place.Pc, fault), out var before))
        {
            _findings[(place.Pc, fault)] = before with { Count = before.Count + 1 };
        }
        else if (_findings.Count < MaxFindings)
        {
            var text = place.Module is { } module ? CodePlace.Decode(module.Code(place.Pc), place.Pc).ToString() : "?";
            _findings[(place.Pc, fault)] = new StepFinding(
                fault, place.Pc, $"{name}+{offset:x}", text, expected, observed, step, 1, place.Role.HasFlag(CodeRole.Stub));
        }

        return null;
    }

    public void Excuse(StepShortcoming shortcoming) => _known[shortcoming] = _known.GetValueOrDefault(shortcoming) + 1;

    /// <summary>How much of each function of a file's assembly was visited.</summary>
    public static IEnumerable<StubCoverage> Coverage(TracedModule module, Func<ulong, bool> isVisited)
    {
        foreach (var stub in module.Stubs)
        {
            var code = module.File.Memory(stub.Value);
            var (instructions, missed) = (0, new List<(long, string)>());
            for (var at = 0; at < (int)stub.Size;)
            {
                var instruction = CodePlace.Decode(code[at..], stub.Value + (ulong)at);
                instructions++;
                if (!isVisited(unchecked(stub.Value + (ulong)at + module.Bias)))
                {
                    missed.Add((at, instruction.ToString()));
                }

                at += Math.Max(1, instruction.Length);
            }

            yield return new StubCoverage(stub.Name, instructions, instructions - missed.Count, missed);
        }
    }
}
