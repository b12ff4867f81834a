using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Execution;

namespace Harness.Verification.Cores;

/// <summary>
/// Reads the core of a worker: threads, fibers, and of each the whole chain by our own unwinder; checked against segments, the model, and another
/// reader. Fibers that do not run are found by what they left in the worker's memory; the one that runs is on the stack of a thread, under what
/// it called: a service on the system stack, a handler on the signal stack.
/// </summary>
public static class CoreExamination
{
    /// <param name="expect">What the worker ran, by how it died; null when nobody knows.</param>
    /// <exception cref="InvalidDataException">The files cannot be used; one line says why.</exception>
    public static CoreReport Run(string corePath, string workerPath, Func<Death, CoreExpectation>? expect)
    {
        using var image = CoreImage.Open(corePath, workerPath);
        var map = CoreMap.Read(image);
        var findings = new List<CoreFinding>();
        findings.AddRange(map.Fibers.Where(f => f.Problem is not null).Select(f => new CoreFinding(CoreFault.WrongSegment, $"fiber {f.Index}", f.Problem!)));
        var audit = new ChainAudit(image, findings);
        var running = map.Fibers.FirstOrDefault(f => f.Index == map.Current);
        var threads = Threads(image, audit, running);
        var chains = map.Fibers.Select(f => f.State is CoreFiberState.Running
            ? threads.FirstOrDefault(t => t.Fiber == f.Index)?.Chain
            : Suspended(image, audit, f, findings)).ToList();
        var comparisons = expect?.Invoke(map.Death).Compare(image, map, chains) ?? [.. chains.Select(_ => new ModelComparison.Unknown("the case is not known"))];
        foreach (var (comparison, fiber) in comparisons.Select((c, i) => (c, i)))
        {
            if (comparison is ModelComparison.Differs { Verdict: var wrong })
            {
                findings.Add(new CoreFinding(CoreFault.WrongChain, $"fiber {fiber}", $"{wrong.Fault} at frame {wrong.Index}: {wrong.Expected} expected, {wrong.Observed} found"));
            }
        }

        CompareReaders(image, map, corePath, findings);
        return new CoreReport(
            image.Core.Signal, PlaceOf(image.Core), map.Death, map.Row, threads,
            [.. map.Fibers.Select(f => new FiberReport(f, chains[f.Index], comparisons[f.Index]))], findings);
    }

    private static List<ThreadReport> Threads(CoreImage image, ChainAudit audit, CoreFiber? running)
    {
        var reports = new List<ThreadReport>();
        var taken = false;
        foreach (var thread in image.Core.Threads)
        {
            // The fiber runs on one of them; its segments say on which.
            var segments = !taken && running is not null && Reaches(image, thread, running) ? running.Segments : [];
            taken |= segments.Count > 0;
            reports.Add(new ThreadReport(
                thread, audit.Walk(thread.Registers, isExact: true, segments, segments.Count > 0 ? $"fiber {running!.Index}" : $"thread {thread.Id}"),
                segments.Count > 0 ? running!.Index : -1));
        }

        return reports;
    }

    private static bool Reaches(CoreImage image, CoreThread thread, CoreFiber fiber) => image.Unwinder.Walk(thread.Registers).Frames
        .Any(frame => fiber.Segments.Any(s => frame.Cfa - sizeof(ulong) >= s.Low && frame.Cfa - sizeof(ulong) < s.High));

    private static CoreChain? Suspended(CoreImage image, ChainAudit audit, CoreFiber fiber, List<CoreFinding> findings)
    {
        if (fiber.Segments.Count == 0)
        {
            return null;
        }

        if (SavedContext.Read(image.Core, fiber.Rsp) is { } registers)
        {
            // One that has never run stands before its first instruction; others come back from a gate.
            return audit.Walk(registers, isExact: registers[DwarfRegister.Rip] == image.AddressOf("hs_fiber_start"), fiber.Segments, $"fiber {fiber.Index}");
        }

        findings.Add(new CoreFinding(CoreFault.NoContext, $"fiber {fiber.Index}", $"its context at {fiber.Rsp:x} is not in the core"));
        return null;
    }

    private static void CompareReaders(CoreImage image, CoreMap map, string corePath, List<CoreFinding> findings)
    {
        const ulong half = 512;
        try
        {
            using var dump = DiagnosticsDump.Open(corePath);
            var places = image.Core.Threads.Select(t => t.Registers[DwarfRegister.Rsp] ?? 0)
                .Concat(map.Fibers.Where(f => f.Segments.Count > 0).SelectMany(f => f.Segments.Take(16).Select(s => s.High - half).Prepend(f.Rsp)));
            findings.AddRange(DumpComparison.Of(image.Core, dump, places).Differences.Select(d => new CoreFinding(CoreFault.ReadersDiffer, "the core", d)));
        }
        catch (InvalidDataException e)
        {
            findings.Add(new CoreFinding(CoreFault.ReadersDiffer, "the core", e.Message));
        }
    }

    private static string PlaceOf(CoreFile core)
    {
        if (core.Signal is not { } signal || signal.Number is not (7 or 11))
        {
            return "";
        }

        return core.RegionOf(signal.Address) switch
        {
            null => "which is not mapped",
            { Access: CoreAccess.None } => "in a page that gives no access: a guard, or released memory",
            { } region when core.Mappings.FirstOrDefault(m => signal.Address >= m.Low && signal.Address < m.High) is { } file =>
                $"in {Path.GetFileName(file.Path)}, {region.Access}",
            { } region => $"in memory, {region.Access}",
        };
    }
}
