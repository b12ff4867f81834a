using System.Buffers.Binary;
using System.Globalization;
using Harness.Binary;
using Harness.Binary.Unwind;
using Harness.Binary.Unwind.Stepping;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;
using Harness.Verification.Stepping;
using Xunit.Abstractions;

namespace Harness.Runtime.Tests;

/// <summary>
/// Unwind rows at every instruction of the product's stubs and gates, while they run: the workload of <c>programs/signals</c> under the stepper.
/// </summary>
public sealed class StepTests(ITestOutputHelper output) : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>What a test program breaks on purpose: a function that comes back with other registers, and no row says so.</summary>
    private const string Deliberate = "signals_breaks_registers";

    [ZigTheory(Timeout = 300_000)]
    [InlineData(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)]
    public async Task The_product_unwinds_at_every_instruction(Route route, OptimizeMode mode, Backend backend)
    {
        var run = await StepAsync(await BuildAsync(new Cell(route, mode, backend)), new StepOptions());
        Say(run);
        Assert.Equal("", string.Join('\n', Unexplained(run)));
        Assert.True(run is { IsComplete: true, Outcome: ProcessOutcome.Exited { Code: 0 } }, run.Outcome.ToString());
        Assert.True(run.Report is { Checked: > 20_000, Whole: > 500, Splits: > 50, Switches: > 50, Signals: >= 3 });
    }

    [ZigFact(Timeout = 300_000)]
    public async Task Every_instruction_of_the_stubs_is_met()
    {
        var product = await StepAsync(await BuildAsync(new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm)), new StepOptions());
        var foreign = await ForeignProgram.BuildAsync(new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm), _scratch["foreign"]);
        var runs = new List<SteppedRun> { product };
        foreach (var check in _foreign)
        {
            runs.Add(await StepAsync(foreign, new StepOptions(RunsUnwinder: true), check, "every prologue splits"));
        }

        // The personality routines, which the unwinder calls: as far as all of both is met.
        runs.Add(await StepAsync(foreign, new StepOptions(MaxSteps: 60_000), "release callbacks that throw", "every prologue splits"));
        runs.Add(await StepAsync(foreign, new StepOptions(MaxSteps: 80_000), "an exception that nobody catches", "every prologue splits"));
        runs.Add(await StepAsync(foreign, new StepOptions(Start: "hs_jump_init"), "longjmp out of the fiber"));
        runs.ForEach(Say);
        Assert.Equal("", string.Join('\n', runs.SelectMany(Unexplained)));
        var missed = StubCoverage.Union(runs.SelectMany(r => r.Report.Coverage)).Where(stub => !_worker.Contains(stub.Function))
            .Select(stub => (stub.Function, Missed: stub.Missed.Where(m => m.Text != "ud2").ToList()))
            .Where(stub => stub.Missed.Count > 0)
            .Select(stub => $"{stub.Function}: {stub.Missed.Count}, from {stub.Missed.FirstOrDefault()} on");
        Assert.Empty(missed.ToList());
    }

    /// <summary>Of the foreign program what goes through stubs and gates in unusual ways.</summary>
    private static readonly string[] _foreign =
    [
        "exceptions from segment to segment", "an exception that nobody catches", "fibers that yield inside handlers", "release callbacks that throw",
        "longjmp out of the fiber", "longjmp from segment to segment", "longjmp where no fiber runs",
    ];

    /// <summary>The worker's own switches, met by generated programs.</summary>
    private static readonly string[] _worker = ["hs_resume"];

    /// <summary>
    /// Real signals, at every instruction of the stubs and at one of some hundred elsewhere: the handler, on the alternate stack, takes the interrupted
    /// thread's trace, which must be the chain that the steps before made..
    /// </summary>
    [ZigFact(Timeout = 300_000)]
    public async Task A_trace_taken_at_any_instruction_is_the_chain()
    {
        var program = await BuildAsync(new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm));
        var run = await StepAsync(program, new StepOptions(Start: "stepped_run", Interrupt: new InterruptOptions(100, 1)));
        Say(run);
        var report = run.Interrupts!;
        output.WriteLine($"{report.Interruptions} interruptions, {report.InStubs} in stubs, {report.Places} places: {string.Join(", ", report.Matches)}");
        foreach (var finding in report.Findings.Where(f => f.By is Interrupter.Dwarf || f.Match is InterruptMatch.Wrong).Take(40))
        {
            output.WriteLine(finding.ToString());
        }

        Assert.True(run.IsComplete);
        Assert.True(report is { Interruptions: > 700, InStubs: > 400 }, report.ToString());

        // By call frame information the chain everywhere, but where what ends a fiber has given back the memory below the gate already.
        Assert.Empty(report.Findings);
        Assert.True(report.Count(Interrupter.Dwarf, InterruptMatch.Whole) > report.Interruptions - 20, report.ToString());

        // By frame pointers the same without the callers of functions that have no frame of their own there; now and then rbp is another stack's.
        Assert.True(report.Count(Interrupter.FramePointers, InterruptMatch.Whole) > report.Interruptions / 2, report.ToString());
        Assert.InRange(report.Count(Interrupter.FramePointers, InterruptMatch.Lost), 1, report.Interruptions / 6);
        Assert.Equal("", string.Join('\n', Unexplained(run)));
    }

    /// <summary>
    /// Rows changed in the file, several functions at once: the first instruction of the first wrong row of each is named, and nothing in it before.
    /// </summary>
    [ZigFact(Timeout = 300_000)]
    public async Task Wrong_rows_are_named_at_their_first_instruction()
    {
        var program = await BuildAsync(new Cell(Route.Attribute, OptimizeMode.ReleaseFast, Backend.Llvm));
        var (file, bytes) = (ElfFile.Load(program), await File.ReadAllBytesAsync(program));
        foreach (var (function, from, to, _, _) in _mutants)
        {
            Plant(file, bytes, function, Convert.FromHexString(from), Convert.FromHexString(to));
        }

        var mutant = _scratch["mutant"];
        await File.WriteAllBytesAsync(mutant, bytes);
        File.SetUnixFileMode(mutant, File.GetUnixFileMode(program));
        var run = await StepAsync(mutant, new StepOptions());
        Say(run);
        var (right, wrong) = (UnwindTable.Read(file), UnwindTable.Read(ElfFile.Parse(bytes, "mutant")));
        foreach (var (function, _, _, fault, later) in _mutants)
        {
            var start = file.Symbols.First(s => s.Name == function).Value;
            var (before, after) = (right.Rows(right.Find(start)!), wrong.Rows(wrong.Find(start)!));
            var first = before.Rows.First(row => row.ToString() != after.At(row.Start)?.ToString()).Start;
            var found = run.Report.Findings.Where(f => f.Place.StartsWith(function + "+", StringComparison.Ordinal) && f.Fault != StepFault.WrongChain).MinBy(f => f.Pc);
            Assert.True(found is not null, $"{function}: nothing found");
            Assert.Equal($"{fault} at {function}+{first - start + (ulong)later:x}", $"{found.Fault} at {found.Place}");
        }
    }

    /// <summary>
    /// Bytes of a function's rows, what stands there instead, and what is then wrong. A missing rule is true as long as the register has not been
    /// changed: so many bytes later it is not.
    /// </summary>
    private static readonly (string Function, string From, string To, StepFault Fault, int Later)[] _mutants =
    [
        ("hs_fiber_create", "0e10", "0e18", StepFault.WrongCfa, 0),
        ("hs_fiber_destroy", "8602", "8603", StepFault.WrongRegister, 0),
        ("hs_fiber_deliver", "0d06", "0d03", StepFault.WrongCfa, 0),
        ("hs_fiber_failed", "0c0708", "0c0710", StepFault.WrongCfa, 0),
        ("hs_fiber_trim", "8602", "0000", StepFault.WrongRegister, 3),
        ("hs_fiber_realign", "430d06", "430710", StepFault.EndsEarly, 0),
        ("hs_system_call", "8303", "8304", StepFault.WrongRegister, 0),
        ("hs_fiber_yield", "8c04", "8d04", StepFault.WrongRegister, 0),
    ];

    private static void Plant(ElfFile file, byte[] bytes, string function, byte[] from, byte[] to)
    {
        var entry = UnwindTable.Read(file).Find(file.Symbols.First(s => s.Name == function).Value)!;
        var section = file.Section(".eh_frame")!;
        var at = section.Offset + (int)entry.Offset;
        var length = 4 + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
        // Behind length, CIE, start, range and the length of augmentation data.
        const int header = 17;
        var place = bytes.AsSpan(at + header, length - header).IndexOf(from);
        Assert.True(place >= 0, $"{function} has no {Convert.ToHexString(from)} in its rows: adapt this test to it");
        to.CopyTo(bytes, at + header + place);
    }

    private static IEnumerable<StepFinding> Unexplained(SteppedRun run) =>
        run.Report.Findings.Where(f => !f.Place.StartsWith(Deliberate + "+", StringComparison.Ordinal));

    private void Say(SteppedRun run)
    {
        var report = run.Report;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Steps} steps, {report.Checked} checked, {report.Whole} chains, {report.Frames} frames, {report.Splits} splits, {report.Switches} switches, {report.Signals} signals, {run.StepsPerSecond:0}/s, {run.Outcome}"));
        foreach (var finding in report.Findings.Take(40))
        {
            output.WriteLine(finding.ToString());
        }

        foreach (var (known, count) in report.Known)
        {
            output.WriteLine($"known: {known.Where}: {count}");
        }
    }

    private static async Task<SteppedRun> StepAsync(string program, StepOptions options, params string[] arguments)
    {
        var stepper = new SteppedProgram(
            await Tools.Cache.ProcessesAsync(CancellationToken.None), StubSources.Functions(Tools.Fixtures, StubSources.All));
        return await stepper.RunAsync(
            new ProcessRequest { File = program, Arguments = arguments, Timeout = TimeSpan.FromMinutes(4) }, options, CancellationToken.None);
    }

    private async Task<string> BuildAsync(Cell cell)
    {
        var options = Product.Importing(cell, ("workload", "programs/signals/workload.zig"));
        options = options with { SlackUnproven = options.SlackUnproven.Add(Product.UnseenJump) };
        var recipe = RuntimeRecipe.Product.And(RuntimeRecipe.Standard.Parts.Single(part => part.Name == "dwarf"))
            .And(Product.Jump).And(new RuntimePart("steps", "programs/signals/steps.S", OptimizeMode.ReleaseFast, [], []));
        return (await Tools.BuildAsync(Tools.Unit("programs/signals/stepped.zig"), cell, recipe, _scratch.Path, options)).WorkerPath;
    }
}
