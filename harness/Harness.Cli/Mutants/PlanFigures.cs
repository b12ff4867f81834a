using System.Globalization;
using System.Text;
using Harness.Model;
using Harness.Verification;

namespace Harness.Cli.Mutants;

/// <summary>What a program may cost.</summary>
/// <param name="Entries"><see cref="PlanOptions.EntryBudget"/>.</param>
/// <param name="Rows"><see cref="PlanOptions.DeepRowFloor"/>: that many, even beyond the entries.</param>
public readonly record struct PlanBudget(int Entries, int Rows)
{
    public static PlanBudget Default => new(PlanOptions.Default.EntryBudget, PlanOptions.Default.DeepRowFloor);

    /// <summary><c>40000</c>, or <c>40000/30</c> with the fewest rows.</summary>
    /// <returns>Null when it is none.</returns>
    public static PlanBudget? Parse(string word)
    {
        var parts = word.Split('/');
        var numbers = parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0).ToArray();
        return numbers.Length > 2 || numbers.Contains(0) ? null : new PlanBudget(numbers[0], numbers.Length == 2 ? numbers[1] : Default.Rows);
    }

    /// <summary><c>40,000</c>, or <c>40,000/30</c> where the rows are not the default's.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Entries:N0}") + (Rows == Default.Rows ? "" : string.Create(CultureInfo.InvariantCulture, $"/{Rows}"));
}

/// <summary>The same programs, planned with one budget.</summary>
/// <param name="Finders">How many of the programs find a defect, by its name.</param>
public sealed record PlanFigures(PlanBudget Budget, int Programs, long Executions, double CompileMilliseconds, double WorkerMilliseconds, IReadOnlyDictionary<string, int> Finders)
{
    /// <summary>Compiling it, and its executions.</summary>
    public double MillisecondsPerProgram => CompileMilliseconds + WorkerMilliseconds;
}

/// <summary>What one budget finds in a time, over what another one finds in the same time.</summary>
/// <param name="Defects">Those that some programs find and some do not, of which alone a budget can be better or worse.</param>
/// <param name="Mean">Geometric, of all these defects.</param>
public sealed record PlanComparison(int Defects, double Mean, string WorstDefect, double Worst)
{
    /// <param name="other">What is compared with.</param>
    /// <returns>Null when no defect tells.</returns>
    public static PlanComparison? Of(PlanFigures figures, PlanFigures other)
    {
        var ratios = figures.Finders.Keys.Where(other.Finders.ContainsKey)
            .Where(name => Tells(figures, name) || Tells(other, name))
            .Select(name => (Name: name, Ratio: Rate(figures, name) / Rate(other, name)))
            .OrderBy(one => one.Ratio).ThenBy(one => one.Name, StringComparer.Ordinal).ToList();
        return ratios.Count == 0 ? null
            : new PlanComparison(ratios.Count, Math.Exp(ratios.Average(one => Math.Log(one.Ratio))), ratios[0].Name, ratios[0].Ratio);
    }

    private static bool Tells(PlanFigures of, string defect) => of.Finders[defect] > 0 && of.Finders[defect] < of.Programs;

    /// <summary>Half a program is added: none found in so few is not never.</summary>
    private static double Rate(PlanFigures of, string defect) => (of.Finders[defect] + 0.5) / (of.Programs * of.MillisecondsPerProgram);
}

/// <summary>What <c>bench plans</c> prints.</summary>
public static class PlanTrialText
{
    public static string Render(Cell cell, ulong seed, IReadOnlyList<PlanFigures> figures)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{cell}, {figures[0].Programs} programs of seed {seed}, {figures[0].Finders.Count} planted defects\n"));
        foreach (var of in figures)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {of.Budget,12} entries  {of.Executions,9:N0} executions, {of.WorkerMilliseconds:0.0} ms a program beside {of.CompileMilliseconds:0.0} ms of compiling; {of.Finders.Values.Sum():N0} times found\n");
        }

        foreach (var of in figures.Skip(1))
        {
            text.Append(PlanComparison.Of(figures[0], of) is { } to
                ? string.Create(CultureInfo.InvariantCulture, $"  {figures[0].Budget} finds {to.Mean:0.00} times what {of.Budget} finds in the same time (mean of {to.Defects} defects; least {to.Worst:0.00}, {to.WorstDefect})\n")
                : string.Create(CultureInfo.InvariantCulture, $"  no defect tells {figures[0].Budget} from {of.Budget}: each is found by all programs or by none\n"));
        }

        return text.ToString();
    }

    public static object Fields(PlanFigures of, PlanFigures first) => new
    {
        entryBudget = of.Budget.Entries, fewestRows = of.Budget.Rows, programs = of.Programs, executions = of.Executions, compileMilliseconds = of.CompileMilliseconds, workerMilliseconds = of.WorkerMilliseconds,
        finders = of.Finders.OrderBy(f => f.Key, StringComparer.Ordinal).ToDictionary(f => f.Key, f => f.Value),
        firstOverThis = ReferenceEquals(of, first) || PlanComparison.Of(first, of) is not { } to ? null : new { mean = to.Mean, least = to.Worst, leastDefect = to.WorstDefect, defects = to.Defects },
    };
}
