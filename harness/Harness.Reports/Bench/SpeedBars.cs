using System.Globalization;
using System.Text;

namespace Harness.Reports;

/// <summary>How fast programs must be checked, and what <c>bench</c> prints of it (docs/THROUGHPUT.md).</summary>
public static class SpeedBars
{
    /// <summary>Checked programs, on two cores.</summary>
    public const double ProgramsPerSecondSelfHosted = 100;

    /// <inheritdoc cref="ProgramsPerSecondSelfHosted"/>
    public const double ProgramsPerSecondOptimised = 10;

    /// <summary>And core.</summary>
    public const double ExecutionsPerSecond = 300_000;

    /// <summary>Wall time of everything over the compiler's alone.</summary>
    public const double TimesTheCompiler = 1.15;

    public static IReadOnlyList<BenchBar> Of(BenchmarkRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var least = row.IsSelfHosted ? ProgramsPerSecondSelfHosted : ProgramsPerSecondOptimised;
        return
        [
            new BenchBar("checked programs per second", Format($"at least {least:N0}"), Words(row.ProgramsPerSecond, "0.0"), Verdict(row.ProgramsPerSecond.Median >= least)),
            new BenchBar(
                "executions per second of a worker's processor time", Format($"at least {ExecutionsPerSecond:N0}"), Words(row.ExecutionsPerSecondPerCore, "N0"),
                Verdict(row.ExecutionsPerSecondPerCore.Median >= ExecutionsPerSecond)),
            InLanes(row.WallRatio),
        ];
    }

    /// <param name="ratio">Of wall times, the compiler having as many lanes as we.</param>
    internal static BenchBar InLanes(RoundFigure ratio) => OverCompiler("wall time over that of the compiler alone in as many lanes", ratio);

    /// <param name="name">What is compared with.</param>
    internal static BenchBar OverCompiler(string name, RoundFigure ratio) =>
        new(name, Format($"at most {TimesTheCompiler:0.00}"), Words(ratio, "0.00"), Verdict(ratio.Median <= TimesTheCompiler));

    public static string Render(IReadOnlyList<BenchmarkRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            BenchTable.AppendBars(text, row.Cell, Of(row));
            var each = row.Milliseconds;
            text.Append(CultureInfo.InvariantCulture, $"programs             {row.Programs} of {row.LinesPerProgram:0} lines, {row.Executions:N0} executions in each round\n")
                .Append(CultureInfo.InvariantCulture, $"compile phase        {row.CompileSeconds:0.00} s, {Words(row.CompileRatio, "0.00")} times a bare zig build-obj of the same source ({row.BareCompileSeconds:0.00} s); link {row.LinkSeconds:0.00} s\n")
                .Append(CultureInfo.InvariantCulture, $"beside the compiler  {Words(row.ProcessorRatio, "0.00")} times its processor time; {row.SequenceRatio:0.00} times the wall time of its runs one after the other\n")
                .Append(CultureInfo.InvariantCulture, $"executions           {Words(row.ExecutionsPerSecondOfWallTime, "N0")} per second of wall time, with proofs and judging beside them\n")
                .Append(CultureInfo.InvariantCulture, $"ms per program       plan {each.Plan:0.0}, compile {each.Compile:0.0}, link {each.Link:0.0}, execute {each.Execute:0.0} (in each lane; planning beside compiling)\n\n");
        }

        return text.ToString();
    }

    private static string Words(RoundFigure figure, string format) =>
        string.Create(CultureInfo.InvariantCulture, $"{figure.Median.ToString(format, CultureInfo.InvariantCulture)} ({figure.Least.ToString(format, CultureInfo.InvariantCulture)} to {figure.Most.ToString(format, CultureInfo.InvariantCulture)})");

    private static string Format(FormattableString text) => FormattableString.Invariant(text);

    private static BarVerdict Verdict(bool met) => met ? BarVerdict.Met : BarVerdict.Missed;
}
