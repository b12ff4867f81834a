using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// Brings a program within what one execution should cost, by what the model says it does: stack by the estimate, then
/// logical entries, then probes.
/// </summary>
internal static class Trimmer
{
    public const int MaxEntries = 300;
    public const int MaxDeepEntries = 12_000;
    public const int MaxProbes = 8;
    private const int MaxProbesOfOneSite = 12;
    private const int MaxTracedFrames = 12_000;

    public static FiberProgram Trim(FiberProgram program, bool isDeep, bool wantsProbes)
    {
        program = TrimStack(program);
        var run = Run(program);
        while (run.Ending is not RunEnding.Finished || run.Entries > (isDeep ? MaxDeepEntries : MaxEntries))
        {
            if (Cheaper(program) is not { } cheaper)
            {
                break;
            }

            program = cheaper;
            run = Run(program);
        }

        program = TrimProbes(program, run, isDeep, wantsProbes);
        return Renumbering.Normalize(program);
    }

    private static ExpectedRun Run(FiberProgram program) =>
        Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo);

    private static FiberProgram TrimStack(FiberProgram program)
    {
        while (program.Fibers.Any(fiber => StackEstimate.FiberBytes(program, fiber) > StackEstimate.FiberLimit))
        {
            program = program.Fibers.Any(fiber => fiber.Fuel > 0)
                ? LessFuel(program)
                : new BufferHalver().Rewrite(program);
        }

        return program;
    }

    /// <summary>Three quarters of the fuel; without fuel, each loop once; null when neither helps any more.</summary>
    private static FiberProgram? Cheaper(FiberProgram program)
    {
        if (program.Fibers.Any(fiber => fiber.Fuel > 0))
        {
            return LessFuel(program);
        }

        var once = new LoopCutter().Rewrite(program);
        return once == program ? null : once;
    }

    private static FiberProgram LessFuel(FiberProgram program) =>
        program with
        {
            Fibers = program.Fibers.Select(fiber => fiber with { Fuel = fiber.Fuel * 3 / 4 }).ToEquatableArray(),
        };

    /// <summary>Drops the probes that are met most often, until few are; puts one in when there is none.</summary>
    private static FiberProgram TrimProbes(FiberProgram program, ExpectedRun run, bool isDeep, bool wantsProbes)
    {
        var sites = run
            .Probes.GroupBy(probe => probe.Site)
            .Select(group => (Site: group.Key, Count: group.Count(), Frames: group.Sum(probe => probe.Chain.Count)))
            .OrderBy(site => site.Count)
            .ThenBy(site => site.Frames)
            .ThenBy(site => site.Site)
            .ToList();
        var dropped = new HashSet<int>();
        while (
            sites.Sum(site => site.Count) > (sites.Count == 1 ? MaxProbesOfOneSite : MaxProbes)
            || sites.Sum(site => site.Frames) > MaxTracedFrames
        )
        {
            dropped.Add(sites[^1].Site);
            sites.RemoveAt(sites.Count - 1);
        }

        program = dropped.Count > 0 ? new ProbeDropper(dropped).Rewrite(program) : program;
        return sites.Count > 0 || !wantsProbes ? program : WithProbe(program, run, isDeep);
    }

    /// <summary>
    /// A probe first thing in the deepest function that is entered only a few times; off the call cycles when those are
    /// deep, for a fault may make a run go round where this one did not.
    /// </summary>
    private static FiberProgram WithProbe(FiberProgram program, ExpectedRun run, bool isDeep)
    {
        var function = run
            .EntryPoints.GroupBy(entry => entry.Function)
            .Where(entries =>
                entries.Count() <= MaxProbesOfOneSite
                && !(isDeep && program.Functions.Any(f => ClosesCycleOver(f, entries.Key)))
            )
            .OrderBy(entries => entries.Count() / (MaxProbes + 1))
            .ThenByDescending(entries => entries.Max(entry => entry.Depth))
            .Select(entries => entries.Key)
            .FirstOrDefault(-1);
        if (function < 0)
        {
            return program;
        }

        var functions = program.Functions.ToArray();
        functions[function] = functions[function] with { Body = [new Statement.Probe(0), .. functions[function].Body] };
        return program with { Functions = functions.ToEquatableArray() };
    }

    private static bool ClosesCycleOver(Function source, int function) =>
        source.Id >= function && Walk.Callees(source.Body).Any(callee => callee <= function);

    private sealed class ProbeDropper(HashSet<int> sites) : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into)
        {
            if (statement is not Statement.Probe probe || !sites.Contains(probe.Site))
            {
                base.Rewrite(statement, into);
            }
        }
    }

    private sealed class LoopCutter : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into) =>
            base.Rewrite(statement is Statement.Loop loop ? loop with { Count = 1 } : statement, into);
    }

    private sealed class BufferHalver : ProgramRewriter
    {
        protected override void Rewrite(Statement statement, List<Statement> into) =>
            base.Rewrite(
                statement is Statement.Buffer buffer
                    ? buffer with
                    {
                        Words = Math.Max(ProgramLimits.SlicedWords, buffer.Words / 2),
                        Align = Math.Min(buffer.Align, 64),
                    }
                    : statement,
                into
            );
    }
}
