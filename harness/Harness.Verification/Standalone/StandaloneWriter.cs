using System.Globalization;
using System.Text;
using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Verification.Standalone;

/// <summary>What came of asking for a file that shows a failure without the harness.</summary>
public abstract record StandaloneOutcome
{
    private StandaloneOutcome()
    {
    }

    internal abstract Sealed Seal { get; }

    public sealed record Written(string Text) : StandaloneOutcome { internal override Sealed Seal => default; }

    /// <summary>It cannot be shown so; one line says why.</summary>
    public sealed record Refused(string Reason) : StandaloneOutcome { internal override Sealed Seal => default; }
}

/// <summary>
/// Writes one Zig file that shows a case's failure where there is no harness: a judge (zig-fixtures/standalone/judge.zig) with what the model expects, the
/// program's source to read, the object that it was compiled to with its checks, the runtime's sources, and the commands that build and run them all, of which
/// the first lines tell. The object, not the source, is what runs: no compiler alone puts thunks before functions.
/// </summary>
public sealed class StandaloneWriter(FixtureLayout fixtures, ToolCache cache, PlantedDefect? defect = null)
{
    private const int LineCharacters = 116;
    private const string Marker = "// What follows is the case's.";

    /// <summary>Checks that nobody but the harness makes: it reads addresses as functions and lines, compares with the model what a worker cannot know, or looks at files.</summary>
    private static readonly string[] _harnessOnly = ["trace-errors", "traces-missing", "overflow", "unwind-row", "compile", "compiler-crash", "compiler-hang", "protocol", "step"];

    /// <param name="name">Of the file, for the command in it.</param>
    /// <param name="check">The check that failed; empty: none did.</param>
    public async Task<StandaloneOutcome> WriteAsync(Case @case, string check, string name, string scratchDirectory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(@case);
        if (_harnessOnly.Contains(check) || @case.Plan.Disturbance.HasFlag(Disturbance.Stepped))
        {
            return new StandaloneOutcome.Refused($"what the check {(check.Length > 0 ? check : "of steps")} says only the harness can see; replay shows it");
        }

        var recipe = RuntimeRecipe.Standard.With(defect);
        var builder = new WorkerBuilder(fixtures, cache, recipe, BuildOptions.Default with { KeepIntermediates = true, Injection = Binary.InjectionOptions.With(defect) });
        var (outcome, unit) = await new UnitFactory(builder, defect).BuildAsync(@case.Unit, @case.Cell, Path.Combine(scratchDirectory, "unit"), ct).ConfigureAwait(false);
        if (unit is null)
        {
            return new StandaloneOutcome.Refused($"the case does not build: {outcome.ToString().Split('\n')[0]}");
        }

        var plan = UnitPlan.Join([PlanComposer.Compose(@case.Program, 0, [@case.Plan], RowFlags.Record | RowFlags.SendTraces | RowFlags.BothObservers)]);
        var row = Array.FindIndex(plan.Worker.Rows, planned => planned.Flags.HasFlag(RowFlags.Record));
        if (row < 0)
        {
            return new StandaloneOutcome.Refused("the model does not finish the program under this plan");
        }

        var archive = StandaloneBundle.Archive(
            fixtures, recipe.For(RuntimeRecipe.LimitSlotOf(@case.Cell)), await File.ReadAllBytesAsync(Path.Combine(scratchDirectory, "unit", "unit.o"), ct).ConfigureAwait(false),
            PlanFile.ToBytes(unit.Told(plan.Worker)), Directory.CreateDirectory(Path.Combine(scratchDirectory, "sources")).FullName);
        var expected = FaultMenu.IsPredictable(@case.Plan.Fault) ? new RowModel(plan).Predicted(row).Events : (EquatableArray<EquatableArray<Event>>?)null;
        var source = await File.ReadAllTextAsync(Path.Combine(scratchDirectory, "unit", "unit.zig"), ct).ConfigureAwait(false);
        return new StandaloneOutcome.Written(
            Head(@case, check, name) + Script(recipe, @case.Cell) + Judge() + Table(row, expected) + Block("The program, in Zig:", "//| ", source.TrimEnd('\n').Split('\n')) + Data(archive));
    }

    private static string Head(Case @case, string check, string name) => $"""
        //! {(check.Length > 0 ? $"Shows that the check {check} fails" : "Runs a case that holds")} in {@case.Cell}. Needs Zig 0.16.0 and a shell; builds in a folder of its own:
        //!
        //!     sed -n 's,^//[$] ,,p' {name} | sh -s {name}
        //!
        //! Prints what was expected and what was observed, and ends with 1 if they differ, with 0 if they do not. ZIG names another compiler than `zig`.
        //!
        //! fault: {PlanWords.Fault(@case.Plan.Fault)}
        //! split: {PlanWords.Split(@case.Plan.Split)}
        //! placement: {PlanWords.Word(@case.Plan.Placement)}, released segments: {PlanWords.Word(@case.Plan.Policy)}, disturbed: {PlanWords.Word(@case.Plan.Disturbance)}


        """;

    private static string Script(RuntimeRecipe recipe, Cell cell) => Block("How it is built and run:", "//$ ",
    [
        "set -eu",
        "ZIG=${ZIG:-zig} file=$(realpath \"$1\") folder=$(mktemp -d)",
        "trap 'rm -rf \"$folder\"' EXIT",
        "cd \"$folder\"",
        "sed -n 's,^//= ,,p' \"$file\" | base64 -d | tar xz",
        .. StandaloneBundle.Commands(recipe, cell),
        "\"$ZIG\" build-exe \"$file\" -femit-bin=judge",
        $"code=0; ./{StandaloneBundle.ProgramName} plan.bin status.bin > lines || code=$?",
        "echo \"#end $code\" >> lines",
        "./judge < lines",
    ]);

    private string Judge()
    {
        var text = File.ReadAllText(fixtures.PathOf("standalone/judge.zig"));
        var at = text.IndexOf(Marker, StringComparison.Ordinal);
        return at >= 0 ? string.Join('\n', text[..at].Split('\n').SkipWhile(line => line.StartsWith("//!", StringComparison.Ordinal) || line.Length == 0)) + Marker + "\n\n" : throw new ToolchainException($"standalone/judge.zig has no line `{Marker}`; restore the fixtures from the repository");
    }

    private static string Table(int row, EquatableArray<EquatableArray<Event>>? expected)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"const row: u64 = {row};\nconst known = {(expected is null ? "false" : "true")};\nconst expected = [_]Event{{\n");
        var fibers = expected ?? [];
        for (var fiber = 0; fiber < fibers.Count; fiber++)
        {
            foreach (var e in fibers[fiber])
            {
                text.Append(CultureInfo.InvariantCulture, $"    .{{ .fiber = {fiber}, .kind = {(byte)e.Kind}, .a = {e.A}, .b = {e.B} }}, // {e.Kind}\n");
            }
        }

        return text.Append("};\n\n").ToString();
    }

    private static string Block(string title, string mark, IEnumerable<string> lines) => $"// {title}\n" + string.Concat(lines.Select(line => $"{mark}{line}".TrimEnd() + "\n")) + "\n";

    private static string Data(byte[] archive) =>
        Block("Its object, the runtime's sources and the plan: a compressed archive.", "//= ", Convert.ToBase64String(archive).Chunk(LineCharacters).Select(line => new string(line)));
}
