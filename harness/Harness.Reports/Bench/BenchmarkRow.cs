namespace Harness.Reports;

/// <summary>A figure of several rounds: what one round says on a shared machine is worth little.</summary>
/// <param name="Median">The upper one of two.</param>
public sealed record RoundFigure(double Median, double Least, double Most)
{
    /// <exception cref="InvalidOperationException">There was no round.</exception>
    public static RoundFigure Of(IEnumerable<double> rounds, int digits)
    {
        var sorted = rounds.Select(value => Math.Round(value, digits)).Order().ToArray();
        return sorted.Length > 0 ? new RoundFigure(sorted[sorted.Length / 2], sorted[0], sorted[^1]) : throw new InvalidOperationException("a figure of no round");
    }
}

/// <summary>What one cell came to in <c>bench</c>.</summary>
/// <param name="IsSelfHosted">Zig's own backend compiles it, which has a bar of its own.</param>
/// <param name="LinesPerProgram">Of emitted Zig, types and tables included.</param>
public sealed record BenchmarkRow(string Cell, bool IsSelfHosted, long Programs, long Executions, double LinesPerProgram)
{
    /// <summary>Checked programs, all lanes together.</summary>
    public required RoundFigure ProgramsPerSecond { get; init; }

    /// <summary>Of a worker's processor time, without taking traces.</summary>
    public required RoundFigure ExecutionsPerSecondPerCore { get; init; }

    /// <summary>Of wall time while one worker runs, with proofs and judging beside it, without taking traces.</summary>
    public required RoundFigure ExecutionsPerSecondOfWallTime { get; init; }

    /// <summary>Wall time of checking all programs over that of the compiler alone on the same sources, in as many lanes.</summary>
    public required RoundFigure WallRatio { get; init; }

    /// <summary>The same of processor time, ours and that of all processes that we start.</summary>
    public required RoundFigure ProcessorRatio { get; init; }

    /// <summary>Wall time of checking all programs over that of one bare <c>zig build-obj</c> after the other; of medians.</summary>
    public required double SequenceRatio { get; init; }

    /// <summary>Our compile phase (compiling, putting checks in) over a bare <c>zig build-obj</c> of the same source.</summary>
    public required RoundFigure CompileRatio { get; init; }

    /// <summary>Medians.</summary>
    public required double CompileSeconds { get; init; }

    /// <inheritdoc cref="CompileSeconds"/>
    public required double BareCompileSeconds { get; init; }

    /// <inheritdoc cref="CompileSeconds"/>
    public required double LinkSeconds { get; init; }

    /// <summary>Wall time of each phase per program, all lanes under way, of the round with the median wall time.</summary>
    public required PhaseMilliseconds Milliseconds { get; init; }
}

/// <summary>Of one program, in its lane. Planning goes on beside compiling.</summary>
public sealed record PhaseMilliseconds(double Plan, double Compile, double Link, double Execute);
