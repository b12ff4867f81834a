namespace Harness.Campaigns.Findings;

/// <summary>What is known of a finding across runs.</summary>
public enum FindingState
{
    /// <summary>It was seen, and nothing since then says that it is gone.</summary>
    Open,

    /// <summary>Its stored case holds, in a run that began after the last one that saw it.</summary>
    Fixed,

    /// <summary>In no run here did it fail again in a fresh process, nor in its batch.</summary>
    Flake,

    /// <summary>It is stored, and no run here has replayed it.</summary>
    Stored,
}

/// <summary>A moment in a run.</summary>
public sealed record Sighting(string RunId, DateTimeOffset At);

/// <summary>One signature in all the runs of a results folder.</summary>
/// <param name="First">Null: only its stored case is known, from elsewhere.</param>
/// <param name="FixedSince">The first of the runs whose replays of its stored case have all held; null unless it is fixed.</param>
/// <param name="Runs">Those that saw it.</param>
/// <param name="Reproduced">Of <paramref name="Attempts"/> in fresh processes, all runs together.</param>
/// <param name="InBatch">In some run it failed again in the company of its batch.</param>
/// <param name="CasePath">Relative to the results folder: the stored case, else the last run's; empty: there is none.</param>
public sealed record FindingHistory(
    string Signature, string Family, string Check, string Cell, FindingState State, Sighting? First, Sighting? Last, Sighting? FixedSince,
    int Runs, long Occurrences, int Reproduced, int Attempts, bool InBatch, string CasePath, string Token)
{
    /// <summary>How often its case failed with another signature.</summary>
    public int Otherwise { get; init; }

    /// <summary>It failed in some fresh processes and not in others.</summary>
    public bool IsUnsteady => Reproduced + Otherwise is var failed && failed > 0 && failed < Attempts;

    /// <summary>How often it came back, in words.</summary>
    public string Again => (Reproduced + Otherwise, Attempts) switch
    {
        (_, 0) => "not run again",
        (0, _) when InBatch => $"0 of {Attempts} alone, but in its batch",
        (0, _) => $"a flake: 0 of {Attempts}",
        _ => $"{(IsUnsteady ? "unsteady: " : "")}{Reproduced} of {Attempts}{(Otherwise > 0 ? $", otherwise {Otherwise} of {Attempts}" : "")}",
    };
}
