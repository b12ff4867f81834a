using Harness.Campaigns;

namespace Harness.Reports;

/// <summary>What the process ends with (docs/EXIT-CODES.md).</summary>
public static class ExitCodes
{
    /// <summary>Every property held.</summary>
    public const int Held = 0;

    /// <summary>A property was falsified.</summary>
    public const int Falsified = 1;

    /// <summary>The command line, a token, a case or a journal cannot be understood.</summary>
    public const int Usage = 2;

    /// <summary>The environment or the toolchain cannot do the work.</summary>
    public const int Environment = 3;

    /// <summary>Too little ran, or coverage is unmet: the evidence is too thin.</summary>
    public const int Inconclusive = 4;

    /// <summary>What a benchmark ends with: bars that are missed, or could not be measured, count where they are required.</summary>
    public static int Of(bool require, IEnumerable<BenchBar> bars)
    {
        var verdicts = bars.Select(bar => bar.Verdict).ToHashSet();
        return !require ? Held
            : verdicts.Contains(BarVerdict.Missed) ? Falsified
            : verdicts.Contains(BarVerdict.NotMeasured) ? Inconclusive
            : Held;
    }

    public static int Of(Verdict verdict, RunStop ending) => (verdict, ending) switch
    {
        (_, RunStop.Unwritable) => Environment,
        (Verdict.Falsified, _) => Falsified,
        (_, RunStop.Failed) => Environment,
        (Verdict.Inconclusive, _) => Inconclusive,
        _ => Held,
    };
}
