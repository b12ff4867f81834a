using System.Diagnostics;
using Xunit.Abstractions;
namespace Harness.Verification.Tests;
public class PlanTimingScratch(ITestOutputHelper o)
{
    [Fact]
    public void Time()
    {
        foreach (var (n, p) in new[] { ("n1", Samples.Nested(1, 8)), ("n3", Samples.Nested(3, 8)), ("r50", Samples.Recursive(49)), ("r400", Samples.Recursive(399)), ("r5000", Samples.Recursive(5000)), ("r19999", Samples.Recursive(19999)) })
        {
            for (var k = 0; k < 300; k++) new PlanBuilder(PlanOptions.Default).Build(Samples.Nested(2,4), 0, 1);
            var w = Stopwatch.StartNew();
            ProgramPlan plan = null!;
            for (var k = 0; k < 20; k++) plan = new PlanBuilder(PlanOptions.Default).Build(p, 0, 1);
            o.WriteLine($"{n}: {w.Elapsed.TotalMilliseconds / 20:F2} ms, entries {plan.Facts.Entries}, rows {plan.Rows.Length}, scen {plan.Scenarios.Count}, {plan.Facts}");
        }
    }
}
