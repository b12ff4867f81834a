using System.CommandLine;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>keep CASE</c>: makes a case one of the stored cases that every run replays first.</summary>
internal static class KeepVerb
{
    public static Command Create(VerbContext context)
    {
        var @case = Options.Case();
        var results = Options.Results();
        var command = new Command("keep", "Copy a case folder to results/regressions, where every run replays it first") { @case, results };
        command.SetAction(result =>
        {
            var argument = CaseArgument.Read(result.GetRequiredValue(@case));
            var folder = argument.Folder ?? throw new UsageException("only a case folder can be kept, it holds what was expected and observed; scripts/harness shrink TOKEN --output DIR makes one");
            var missing = CaseStore.Files.Where(file => !File.Exists(Path.Combine(folder, file))).ToList();
            if (missing.Count > 0)
            {
                throw new UsageException($"{folder} is not complete, {string.Join(", ", missing)} missing; scripts/harness shrink {Shell.Quote(folder)} writes them again");
            }

            var signature = argument.Stored.Document.Signature;
            var layout = Options.Layout(Repository.Root(), result.GetValue(results)) with { Runtime = argument.Stored.Document.Case.Cell.Runtime };
            var target = Path.Combine(layout.Regressions, CaseStore.FolderName(signature));
            CaseStore.Copy(folder, target);
            context.Terminal.Out.WriteLine($"kept as {Repository.Shown(target)}");
            return ExitCodes.Held;
        });
        return command;
    }
}
