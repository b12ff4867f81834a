using System.Text;
using Harness.Campaigns;
using Harness.Cli.Kills;
using Harness.Model;
using Harness.Reports.Gates;
using Harness.Reports.Mutants;
using Harness.Verification.Checks;

namespace Harness.Cli.Damaging;

/// <summary>What is damaged: made by this very program (a campaign with a planted defect, a few planted defects, stored gates), each with the commands that read it.</summary>
public sealed class DamageSubjects(IHarnessProcess harness, string scratch, string root, ulong seed)
{
    /// <summary>With failures on the way, so that there are cases, findings and pictures to damage.</summary>
    private const string Defect = "segment_release";

    /// <summary>Commands that would compile end here, with what they read understood: 3 (EXIT-CODES.md).</summary>
    private static readonly string[] _noCompiler = ["--zig", "/nonexistent/zig"];

    private ResultsLayout Results => new(Path.Combine(scratch, "results"));

    /// <summary>Each with its share of all that is damaged; shares sum up to 1.</summary>
    /// <exception cref="EnvironmentUnusableException">The campaign found nothing, or a process could not be started.</exception>
    public async Task<IReadOnlyList<(DamageSubject Subject, double Share)>> MakeAsync(CancellationToken ct)
    {
        await harness.RunAsync(
            ["run", "--seed", $"{seed}", "--programs", "12", "--route", "thunk", "--mode", "Debug", "--defect", Defect, "--shard", "1/1", "--results", Results.Root], null, ct).ConfigureAwait(false);
        await harness.RunAsync(["mutants", "--only", "cfi,limit_restore", "--results", Results.Root], null, ct).ConfigureAwait(false);
        var run = new RunDirectory(Directory.GetDirectories(Results.Runs).Single());
        var folder = (Directory.Exists(run.Cases) ? Directory.GetDirectories(run.Cases) : []).Order(StringComparer.Ordinal).FirstOrDefault(HasAll)
            ?? throw new EnvironmentUnusableException($"the campaign with {Defect} (seed {seed}) kept no case with a picture and an explanation; give another --seed");
        return
        [
            (Journal(run), 0.25), (Unfinished(run), 0.1), .. Cases(folder), (Tokens(folder), 0.1), (Plans(), 0.05), (Mutants(run), 0.05), .. Gates(), (Runtimes(), 0.05),
        ];
    }

    private static bool HasAll(string folder) =>
        ((string[])[CaseStore.CaseFile, CaseStore.PictureFile, CaseStore.ExplanationFile]).All(file => File.Exists(Path.Combine(folder, file)));

    private DamageSubject Journal(RunDirectory run)
    {
        var merged = Path.Combine(scratch, "merged");
        return new DamageSubject("journals", File.ReadAllBytes(run.Journal), run.Journal,
        [
            _ => ["report", run.Path], _ => ["findings", "--results", Results.Root], _ => ["report", run.Path, "--json"], _ => ["merge", run.Path, "--results", merged],
        ]) { Leaves = merged };
    }

    /// <summary>As a kill leaves it.</summary>
    private DamageSubject Unfinished(RunDirectory run)
    {
        var copy = Directory.CreateDirectory(Path.Combine(scratch, "unfinished"));
        var lines = File.ReadAllLines(run.Journal);
        return new DamageSubject("journals of unfinished runs", Encoding.UTF8.GetBytes(string.Concat(lines[..^1].Select(line => line + "\n"))), Path.Combine(copy.FullName, Path.GetFileName(run.Journal)),
        [
            _ => ["run", "--resume", copy.FullName, .. _noCompiler],
        ]);
    }

    private static IEnumerable<(DamageSubject Subject, double Share)> Cases(string folder)
    {
        DamageSubject Of(string name, string file, params Func<string, IReadOnlyList<string>>[] commands)
        {
            var path = Path.Combine(folder, file);
            return new DamageSubject(name, File.ReadAllBytes(path), path, commands);
        }

        yield return (Of("cases", CaseStore.CaseFile, path => ["show", path], path => ["replay", path, .. _noCompiler], path => ["show", path], path => ["shrink", path, .. _noCompiler]), 0.2);
        yield return (Of("pictures of stacks", CaseStore.PictureFile, _ => ["show", folder]), 0.05);
        yield return (Of("explanations", CaseStore.ExplanationFile, _ => ["show", folder]), 0.05);
    }

    private static DamageSubject Tokens(string folder) => new(
        "replay tokens", Encoding.UTF8.GetBytes(CaseStore.Read(folder).Token), null, [word => ["show", "--", word], word => ["replay", .. _noCompiler, "--", word]]);

    private DamageSubject Plans()
    {
        var file = Path.Combine(scratch, "plain.zig");
        File.WriteAllText(file, "pub fn main() void {}\n");
        var plan = CheckPlan.Parse("deliver@3:1,5:2 at@2,4,9 descending");
        return new DamageSubject(
            "plans of check", Encoding.UTF8.GetBytes(CheckToken.Write(CellMatrix.Parse("thunk/Debug/selfhosted/x86_64-linux-gnu")!, plan)), null,
            [word => ["check", file, "--entry", "main", $"--plan={word}", .. _noCompiler]]);
    }

    /// <summary>A run's report draws only those that tried every planted defect: a few stand for all.</summary>
    private DamageSubject Mutants(RunDirectory run)
    {
        var path = Path.Combine(Directory.GetDirectories(Results.Mutants).Single(), "mutants.json");
        var report = MutationReport.Read(File.ReadAllText(path));
        var all = Enumerable.Range(0, PlantedDefect.All.Count).Select(i => report.Mutants[i % report.Mutants.Count]);
        return new DamageSubject("mutation reports", Encoding.UTF8.GetBytes((report with { Mutants = [.. all] }).ToJson()), path, [_ => ["report", run.Path]]);
    }

    private IEnumerable<(DamageSubject Subject, double Share)> Gates()
    {
        DamageSubject Of(string name, string original, Func<string, IReadOnlyList<string>> command) =>
            new(name, File.ReadAllBytes(original), Path.Combine(scratch, Path.GetFileName(original)), [command]);
        var stored = new ResultsLayout(Path.Combine(root, "results")).Gates;
        var gate = Directory.EnumerateFiles(stored, "*" + GateStore.ConventionsExtension).Order(StringComparer.Ordinal).LastOrDefault()
            ?? throw new EnvironmentUnusableException($"there is no gate in {stored}; scripts/harness gate makes one");
        yield return (Of("summaries of gates", gate[..^GateStore.ConventionsExtension.Length] + ".json", path => ["gate", "--baseline", path, .. _noCompiler]), 0.05);
        yield return (Of("fingerprints of conventions", gate, path => ["abi", "--against", path, .. _noCompiler]), 0.05);
    }

    /// <summary>What describes another split-stack runtime, in the folder of its sources.</summary>
    private DamageSubject Runtimes()
    {
        var copy = Directory.CreateDirectory(Path.Combine(scratch, "runtime")).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(root, "zig-fixtures", "foreign", "example")))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        var path = Path.Combine(copy, "runtime.json");
        return new DamageSubject("descriptions of runtimes", File.ReadAllBytes(path), path, [_ => ["run", "--runtime", copy, .. _noCompiler]]);
    }
}
