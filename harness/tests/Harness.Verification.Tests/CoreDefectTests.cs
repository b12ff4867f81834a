using System.Buffers.Binary;
using System.Globalization;
using Harness.Binary;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;
using Harness.Tests;
using Harness.Verification.Cores;

namespace Harness.Verification.Tests;

/// <summary>Cores in which something is wrong, cores of others, and the mistakes of the other reader.</summary>
[Collection(DeadWorkersCollection.Name)]
public sealed class CoreDefectTests(DeadWorkers workers)
{
    private const int Timeout = 600_000;

    /// <summary>A word of the dead worker's memory changed: what that breaks is found, by the check that is meant for it.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task What_is_wrong_in_a_core_is_found()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var died = await worker.DieAsync(Death.Segfault, Placement.Interleaved);
        var chain = died.Report.Threads[0].Chain.Frames;
        var running = died.Report.Fibers.Single(f => f.Fiber.State is CoreFiberState.Running).Fiber;
        var waiting = died.Report.Fibers.Single(f => f.Fiber.State is CoreFiberState.Waiting);
        var own = chain.First(f => f.Segment > 0 && !f.Stub);
        var stub = chain.First(f => f.Stub);

        // The return address of the innermost function, to one that it does not come from: into the outermost function.
        AssertFound(worker, died, own.Cfa - 8, chain.Last(f => f.File is not null).Pc, CoreFault.WrongChain, CoreFault.WrongStub, CoreFault.WrongSegment, CoreFault.Incomplete);
        // To no code at all.
        AssertFound(worker, died, own.Cfa - 8, 0x1234_5678, CoreFault.Incomplete);
        // A stub's saved rbp: the chain loses its stack.
        AssertFound(worker, died, stub.Cfa - 16, 0x10, CoreFault.Incomplete, CoreFault.WrongSegment, CoreFault.WrongStub);
        // The segment's record of its stub (abi.zig: stub_frame is the fifth word).
        AssertFound(worker, died, running.Segments[0].High + 32, 0x10, CoreFault.WrongStub);
        // Its parent (the first word): itself, and nothing at all.
        AssertFound(worker, died, running.Segments[0].High, running.Segments[0].High, CoreFault.WrongSegment);
        AssertFound(worker, died, running.Segments[0].High, 0x1234_5678, CoreFault.WrongSegment);
        // The context of the fiber that waits: its return address.
        AssertFound(worker, died, waiting.Fiber.Rsp + 56, 0x1234_5678, CoreFault.Incomplete);
        // Of the fiber's own function, to another line of it: all else is right.
        var function = chain.ToList().FindLastIndex(f => f.Function.Contains("start_0", StringComparison.Ordinal));
        AssertFound(worker, died, chain[function - 1].Cfa - 8, OtherLine(worker.Unit.WorkerPath, chain[function]), CoreFault.WrongChain);
        // Nothing changed: nothing found.
        Assert.Empty(Patched(worker, died, own.Cfa - 8, chain[chain.ToList().IndexOf(own) + 1].Pc).Findings);
    }

    /// <summary>As a campaign does that keeps what was left: a core beyond the bound is not written, and says so.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task A_core_beyond_the_bound_is_not_written()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        const long tooFew = 1 << 20;
        Assert.Equal(new CoreOutcome.TooLarge(tooFew), await worker.RunAsync(worker.PlanOf(Death.Segfault, Placement.Ascending), tooFew));
        Assert.Empty(Directory.GetFiles(worker.Kept));
        var died = Assert.IsType<CoreOutcome.Died>(await worker.RunAsync(worker.PlanOf(Death.Segfault, Placement.Ascending), 64 * tooFew));
        Assert.InRange(new FileInfo(died.CorePath).Length, tooFew, 64 * tooFew);
    }

    /// <summary>Rows that are wrong in the worker itself: here in the frame of every stub.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task A_planted_defect_in_the_stubs_rows_breaks_every_chain_by_name()
    {
        using var worker = await DeadWorker.BuildAsync(DeadWorkers.Fast, defect: PlantedDefect.Named("cfi"));
        var report = (await worker.DieAsync(Death.Segfault, Placement.Ascending)).Report;
        Assert.Contains(report.Findings, f => f is { Fault: CoreFault.Incomplete or CoreFault.WrongStub or CoreFault.WrongSegment, Where: "fiber 0" });
        Assert.Contains(report.Findings, f => f is { Fault: CoreFault.WrongChain, Where: "fiber 1" });
    }

    [ZigFact(Timeout = Timeout)]
    public async Task A_core_is_read_with_its_own_worker_only()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var died = await worker.DieAsync(Death.Abort, Placement.Pool);
        using var other = await DeadWorker.BuildAsync(DeadWorkers.Debug, Samples.Recursive(3));
        var refused = Assert.Throws<InvalidDataException>(() => CoreExamination.Run(died.CorePath, other.Unit.WorkerPath, null));
        Assert.Contains("is not the worker that left", refused.Message, StringComparison.Ordinal);
        // Without the case nothing is compared with the model, and everything else holds.
        var report = CoreExamination.Run(died.CorePath, Path.Combine(worker.Kept, CoreReplay.WorkerName), null);
        Assert.Empty(report.Findings);
        Assert.All(report.Fibers, f => Assert.IsType<ModelComparison.Unknown>(f.Comparison));
        // Cut off in the middle.
        using (var file = File.OpenHandle(died.CorePath, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.SetLength(file, RandomAccess.GetLength(file) / 2);
        }

        Assert.Contains("cut off", Assert.Throws<InvalidDataException>(() => CoreExamination.Run(died.CorePath, worker.Unit.WorkerPath, null)).Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// When a release of Microsoft.Diagnostics.Runtime mends one of these, or brings another, this says so: then see <see cref="DumpDefects"/> and docs/TRACES.md.
    /// </summary>
    [ZigFact(Timeout = Timeout)]
    public async Task The_other_reader_makes_the_mistakes_that_are_known_and_no_more()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var died = await worker.DieAsync(Death.Segfault, Placement.Descending);
        using var core = CoreFile.Open(died.CorePath);
        var registers = core.Threads[0].Registers;
        Assert.NotEqual(registers[DwarfRegister.R8], registers[DwarfRegister.R8 + 1]);
        using var dump = DiagnosticsDump.Open(died.CorePath);
        var compared = DumpComparison.Of(core, dump, core.Regions.Where(r => r.FileBytes > 0).Select(r => r.Low));
        Assert.Empty(compared.Differences);
        Assert.Equal(DumpDefects.R8AndR9Swapped | DumpDefects.FlagsAreZero | DumpDefects.InterpreterMissing | DumpDefects.FsBaseMissing, compared.Defects);
    }

    [ZigFact(Timeout = Timeout)]
    public async Task Readers_that_differ_are_a_finding()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var died = await worker.DieAsync(Death.Segfault, Placement.Descending);
        using var dump = DiagnosticsDump.Open(died.CorePath);
        var changed = Path.Combine(worker.Kept, "changed");
        File.Copy(died.CorePath, changed);
        using var core = CoreFile.Open(changed);
        var rsp = core.Threads[0].Registers[DwarfRegister.Rsp]!.Value;
        Patch(changed, core, rsp, core.Word(rsp)!.Value + 1);
        Assert.Equal([$"memory at {rsp:x}: read here, read there, not the same"], DumpComparison.Of(core, dump, [rsp]).Differences);
    }

    /// <summary>As the kernel writes it, with the filter that is set here, which leaves code out: that comes from the files.</summary>
    [KernelCoreFact(Timeout = Timeout)]
    public async Task A_core_that_the_kernel_wrote_is_read_as_well()
    {
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var folder = Directory.CreateDirectory(Path.Combine(worker.Kept, "kernel")).FullName;
        var plan = worker.PlanOf(Death.Segfault, Placement.Ascending);
        PlanFile.Write(Path.Combine(folder, "plan.bin"), plan.Worker);
        StatusPage.Create(Path.Combine(folder, "status.bin"));
        var processes = await Tools.Cache.ProcessesAsync(CancellationToken.None);
        var outcome = await processes.RunAsync(
            new ProcessRequest
            {
                File = worker.Unit.WorkerPath, Arguments = ["plan.bin", "status.bin"], WorkingDirectory = folder, Timeout = TimeSpan.FromMinutes(2),
                Limits = new ResourceLimits { CoreBytes = 8L << 30 },
            },
            CancellationToken.None);
        Assert.Equal(11, Assert.IsType<ProcessOutcome.Signaled>(outcome).Signal);
        var core = Assert.Single(Directory.GetFiles(folder, "core*"));
        var report = CoreExamination.Run(core, worker.Unit.WorkerPath, _ => new CoreExpectation(plan, worker.Unit.Map, worker.Unit.Cell));
        Assert.Equal("", string.Join('\n', report.Findings));
        Assert.All(report.Fibers.Where(f => f.Chain is not null), f => Assert.IsType<ModelComparison.Agrees>(f.Comparison));
        Assert.Equal((11, 0x5e60UL), (report.Signal!.Number, report.Signal.Address));
    }

    /// <summary>Of a core from outside anything may be wrong: its headers, its notes, the state that the worker kept.</summary>
    [ZigFact(Timeout = Timeout)]
    public async Task No_mutant_of_a_core_breaks_its_examination()
    {
        const int mutants = 100;
        using var worker = await workers.GetAsync(DeadWorkers.Debug);
        var died = await worker.DieAsync(Death.Segfault, Placement.Ascending);
        var (head, map) = Places(died.CorePath, worker.Unit.WorkerPath);
        var random = new PlanRandom(5);
        var (refused, found) = (0, 0);
        using var file = File.OpenHandle(died.CorePath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        // A file that never ends, in libc's place.
        var libc = head.AsSpan().IndexOf("libc.so.6\0"u8) + "libc.so.6".Length;
        var start = head.AsSpan(0, libc).LastIndexOf((byte)0) + 1;
        byte[] endless = [.. head];
        endless.AsSpan(start, libc - start).Fill((byte)'/');
        "/dev/zero"u8.CopyTo(endless.AsSpan(libc - "/dev/zero".Length));
        RandomAccess.Write(file, endless, 0);
        _ = CoreExamination.Run(died.CorePath, worker.Unit.WorkerPath, null);
        RandomAccess.Write(file, head, 0);
        for (var i = 0; i < mutants; i++)
        {
            var (offset, bytes) = i % 2 == 0 ? (0, head) : map;
            var mutant = Mutate([.. bytes], random);
            RandomAccess.Write(file, mutant, offset);
            try
            {
                found += CoreExamination.Run(died.CorePath, worker.Unit.WorkerPath, null).Holds ? 0 : 1;
            }
            catch (InvalidDataException)
            {
                refused++;
            }

            RandomAccess.Write(file, bytes, offset);
        }

        Assert.Empty(CoreExamination.Run(died.CorePath, worker.Unit.WorkerPath, null).Findings);
        Assert.True(refused > 10 && found > 5, $"{refused} refused, {found} with findings: the mutants are not interesting");
    }

    private static byte[] Mutate(byte[] bytes, PlanRandom random)
    {
        ulong[] edges = [0, 1, 0x1234_5678, long.MaxValue, ulong.MaxValue];
        for (var changes = 1 + random.Below(3); changes > 0; changes--)
        {
            var at = random.Below(bytes.Length - sizeof(ulong));
            if (random.Below(2) == 0)
            {
                bytes[at] = (byte)random.Below(256);
            }
            else
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at & ~7), edges[random.Below(edges.Length)]);
            }
        }

        return bytes;
    }

    /// <summary>A core's headers and notes; where the worker says where things are, and the records of its fibers.</summary>
    private static (byte[] Head, (long Offset, byte[] Bytes) Map) Places(string path, string worker)
    {
        const int headBytes = 9000;
        const int mapBytes = 160;
        using var image = CoreImage.Open(path, worker);
        var address = image.AddressOf("hs_core_map");
        var region = image.Core.RegionOf(address)!.Value;
        using var file = File.OpenHandle(path);
        var (head, map) = (new byte[headBytes], new byte[mapBytes]);
        var offset = region.Offset + (long)(address - region.Low);
        RandomAccess.Read(file, head, 0);
        RandomAccess.Read(file, map, offset);
        return (head, (offset, map));
    }

    private static ulong OtherLine(string worker, CoreFrame frame)
    {
        var symbols = Symbolizer.Load(worker);
        var here = symbols.Resolve(frame.Lookup)!;
        return Enumerable.Range(1, 1000).Select(i => frame.Pc + (ulong)i).First(address =>
            symbols.Resolve(address - 1) is { } there && there.Symbol == here.Symbol && there.File == here.File && there.Line != here.Line);
    }

    private static void AssertFound(DeadWorker worker, CoreOutcome.Died died, ulong address, ulong value, params CoreFault[] anyOf)
    {
        var report = Patched(worker, died, address, value);
        Assert.True(
            report.Findings.Any(f => anyOf.Contains(f.Fault)),
            string.Create(CultureInfo.InvariantCulture, $"{value:x} at {address:x}: none of {string.Join(", ", anyOf)} in [{string.Join("; ", report.Findings)}]"));
    }

    private static CoreReport Patched(DeadWorker worker, CoreOutcome.Died died, ulong address, ulong value)
    {
        var before = 0UL;
        using (var core = CoreFile.Open(died.CorePath))
        {
            before = core.Word(address) ?? throw new InvalidOperationException($"{address:x} is not in the core");
            Patch(died.CorePath, core, address, value);
        }

        var report = CoreExamination.Run(
            died.CorePath, worker.Unit.WorkerPath, death => new CoreExpectation(worker.PlanOf(death, Placement.Interleaved), worker.Unit.Map, worker.Unit.Cell));
        using (var core = CoreFile.Open(died.CorePath))
        {
            Patch(died.CorePath, core, address, before);
        }

        return report;
    }

    private static void Patch(string path, CoreFile core, ulong address, ulong value)
    {
        var region = core.RegionOf(address)!.Value;
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        RandomAccess.Write(file, word, region.Offset + (long)(address - region.Low));
    }
}

/// <summary>Skipped, visibly, where the kernel writes no core beside the process.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelCoreFactAttribute : FactAttribute
{
    private const string Pattern = "/proc/sys/kernel/core_pattern";

    public KernelCoreFactAttribute()
    {
        var pattern = File.Exists(Pattern) ? File.ReadAllText(Pattern).Trim() : "";
        if (Tools.Zig is Toolchain.ZigLocation.Missing missing)
        {
            Skip = missing.Reason;
        }
        else if (pattern is not ("core" or "core.%p"))
        {
            Skip = $"the kernel's core_pattern is '{pattern}', which leaves no core beside the process";
        }
    }
}
