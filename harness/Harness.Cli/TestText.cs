using System.Globalization;
using System.Text;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.TestFiles;

namespace Harness.Cli;

/// <summary>What came of files of tests, for people and as JSON.</summary>
internal static class TestText
{
    /// <summary>Of each kind, tests that are named.</summary>
    private const int NamedMax = 20;
    private const int TextMax = 160;

    public static string Of(Cell cell, TestFileOutcome outcome)
    {
        var text = new StringBuilder();
        if (outcome is not TestFileOutcome.Ran ran)
        {
            var reason = ((TestFileOutcome.Unusable)outcome).Reason;
            return text.Append(CultureInfo.InvariantCulture, $"{cell}\n  cannot be used: {string.Join("\n    ", reason.Split('\n').Take(6))}\n").ToString();
        }

        var by = ran.Results.ToLookup(result => result.Verdict.GetType());
        text.Append(CultureInfo.InvariantCulture, $"{cell}   {ran.Checks:N0} of {ran.Functions:N0} functions have checks\n");
        text.Append(CultureInfo.InvariantCulture, $"  held            {by[typeof(TestVerdict.Held)].Count(),6:N0}   {ran.Results.Sum(r => r.Attempts):N0} attempts in a fiber, {ran.Results.Sum(r => r.Splits):N0} splits\n");
        List("broken by splits", by[typeof(TestVerdict.Broken)], result => Differences(((TestVerdict.Broken)result.Verdict).Differences));
        List("unsteady", by[typeof(TestVerdict.Unsteady)], result => Differences(((TestVerdict.Unsteady)result.Verdict).Differences));
        List("failed anyway", by[typeof(TestVerdict.FailedAnyway)], result => [((TestVerdict.FailedAnyway)result.Verdict).Reason]);
        List("skipped", by[typeof(TestVerdict.Skipped)], _ => []);
        return text.ToString();

        void List(string what, IEnumerable<TestResult> results, Func<TestResult, IEnumerable<string>> lines)
        {
            var all = results.ToList();
            text.Append(CultureInfo.InvariantCulture, $"  {what,-16}{all.Count,6:N0}\n");
            foreach (var result in all.Take(what == "skipped" ? 0 : NamedMax))
            {
                text.Append(CultureInfo.InvariantCulture, $"    {result.Name}\n");
                foreach (var line in lines(result))
                {
                    text.Append(CultureInfo.InvariantCulture, $"      {Cut(line)}\n");
                }
            }

            if (all.Count > NamedMax && what != "skipped")
            {
                text.Append(CultureInfo.InvariantCulture, $"    … and {all.Count - NamedMax:N0} more (--json has all)\n");
            }
        }
    }

    /// <summary>The verdict, and what of a library was left out.</summary>
    public static string Ending(IReadOnlyList<(Cell Cell, TestFileOutcome Outcome)> outcomes, StandardTests? standard)
    {
        var text = new StringBuilder();
        if (standard is { Without.Length: > 0 })
        {
            text.Append(CultureInfo.InvariantCulture, $"left out: the tests of {standard.Without.Length:N0} files that do not compile from this distribution\n");
            foreach (var (file, reason) in standard.Without)
            {
                text.Append(CultureInfo.InvariantCulture, $"    {file}: {Cut(reason)}\n");
            }
        }

        var results = outcomes.Select(o => o.Outcome).OfType<TestFileOutcome.Ran>().SelectMany(ran => ran.Results).ToList();
        var broken = results.Count(result => result.Verdict is TestVerdict.Broken);
        var held = results.Count(result => result.Verdict is TestVerdict.Held);
        var verdict = broken > 0 ? "FALSIFIED" : held > 0 && outcomes.All(o => o.Outcome is TestFileOutcome.Ran) ? "HELD" : "INCONCLUSIVE";
        return text.Append(CultureInfo.InvariantCulture, $"{verdict}: {held:N0} tests hold on split stacks, {broken:N0} are broken by them, in {outcomes.Count:N0} cells\n").ToString();
    }

    public static object Fields(IReadOnlyList<(Cell Cell, TestFileOutcome Outcome)> outcomes, StandardTests? standard) => new
    {
        cells = outcomes.Select(o => o.Outcome switch
        {
            TestFileOutcome.Ran ran => (object)new
            {
                cell = o.Cell.ToString(), checks = ran.Checks, functions = ran.Functions,
                tests = ran.Results.Select(r => new { r.Name, verdict = Word(r.Verdict), why = Why(r.Verdict), r.Attempts, r.Splits }),
            },
            TestFileOutcome.Unusable unusable => new { cell = o.Cell.ToString(), unusable = unusable.Reason },
            _ => throw new System.Diagnostics.UnreachableException(),
        }),
        leftOut = standard?.Without.Select(w => new { w.File, w.Reason }) ?? [],
    };

    private static string Word(TestVerdict verdict) => verdict switch
    {
        TestVerdict.Held => "held",
        TestVerdict.Skipped => "skipped",
        TestVerdict.FailedAnyway => "failed-anyway",
        TestVerdict.Broken => "broken",
        TestVerdict.Unsteady => "unsteady",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static IEnumerable<string> Why(TestVerdict verdict) => verdict switch
    {
        TestVerdict.FailedAnyway failed => [failed.Reason],
        TestVerdict.Broken broken => Differences(broken.Differences),
        TestVerdict.Unsteady unsteady => Differences(unsteady.Differences),
        _ => [],
    };

    private static IEnumerable<string> Differences(IEnumerable<TestDifference> differences) => differences.Select(difference => difference.ToString());

    private static string Cut(string line) => line.Length <= TextMax ? line : line[..TextMax] + "…";
}
