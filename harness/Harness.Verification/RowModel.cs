using Harness.Model;

namespace Harness.Verification;

/// <summary>The model's runs for the rows of a plan; programs are compiled once and what is asked again is kept.</summary>
internal sealed class RowModel(UnitPlan plan)
{
    /// <summary>What a worker exits with after a panic that no plan asked for.</summary>
    public const int UnexpectedPanicCode = 101;

    /// <summary>The worker keeps no more; whether there were more it does not say.</summary>
    public const int MaxDeliveries = 256;

    private readonly Dictionary<FiberProgram, CompiledProgram> _compiled = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(int Program, Schedule Schedule, EquatableArray<Delivery> Deliveries), ExpectedRun> _delivered = [];
    private (ScenarioPlan? Scenario, ExpectedRun? Run) _last;

    /// <summary>The run of a row whose fault plan says it all, with events and traces.</summary>
    public ExpectedRun Predicted(int row)
    {
        var scenario = plan.ScenarioOf(row);
        if (scenario.Expected is { } kept)
        {
            return kept;
        }

        if (!ReferenceEquals(_last.Scenario, scenario))
        {
            _last = (scenario, CompiledOf(row).Run(scenario.Fault, scenario.Schedule));
        }

        return _last.Run!;
    }

    /// <summary>The run with these errors delivered; null when it cannot be known or does not finish.</summary>
    public ExpectedRun? Delivered(int row, EquatableArray<Delivery> deliveries, Kept kept)
    {
        if (deliveries.Count >= MaxDeliveries)
        {
            return null;
        }

        var schedule = plan.ScenarioOf(row).Schedule;
        var key = (plan.Worker.ProgramOf(row), schedule, deliveries);
        if (kept is not Kept.Counts || !_delivered.TryGetValue(key, out var run))
        {
            run = CompiledOf(row).Run(new FaultPlan.Delivered(deliveries), schedule, kept);
            _delivered[key] = run;
        }

        return run.Ending is RunEnding.Finished ? run : null;
    }

    private CompiledProgram CompiledOf(int row)
    {
        var (planned, _) = plan.Locate(row);
        if (!_compiled.TryGetValue(planned.Program, out var compiled))
        {
            _compiled[planned.Program] = compiled = CompiledProgram.Of(planned.Program, planned.Model);
        }

        return compiled;
    }
}

/// <summary>Names of Linux signals.</summary>
internal static class Signals
{
    public static string NameOf(int signal) => signal switch
    {
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => "signal",
    };
}
