using System.CommandLine;
using System.Globalization;
using System.Text;
using Harness.Campaigns;
using Harness.Cli.Damaging;
using Harness.Cli.Kills;
using Harness.Reports;

namespace Harness.Cli.Verbs;

/// <summary><c>bench damage</c>: whatever becomes of what is stored, commands read it or refuse it in one line.</summary>
internal static class BenchDamageVerb
{
    private const int CountDefault = 10_000;
    private const int MaxShown = 10;

    public static Command Create(VerbContext context)
    {
        var count = new Option<int>("--files") { Description = "How many damaged files and tokens", HelpName = "N", DefaultValueFactory = _ => CountDefault };
        var seed = new Option<ulong>("--seed") { Description = "Of the campaign that is damaged, and of the damage", HelpName = "N", DefaultValueFactory = _ => 1 };
        var command = new Command("damage", "Damage journals, cases, tokens and summaries at random, and hand them to the commands that read them") { count, seed };
        command.SetAction(async (result, ct) =>
        {
            var wanted = Options.AtLeastOne("--files", result.GetValue(count));
            var results = await OneCase.WithScratchAsync(scratch => RunAsync(context, wanted, result.GetValue(seed), scratch, ct)).ConfigureAwait(false);
            context.Terminal.Out.Write(Text(results, Keep(results)));
            return results.All(of => of.Wrong.Count == 0) ? ExitCodes.Held : ExitCodes.Falsified;
        });
        return command;
    }

    private static async Task<IReadOnlyList<DamageResult>> RunAsync(VerbContext context, int count, ulong seed, string scratch, CancellationToken ct)
    {
        var root = Repository.Root();
        context.Terminal.Error.WriteLine("running a campaign whose results are damaged afterwards");
        var subjects = await new DamageSubjects(new OwnProcess(root), scratch, root, seed).MakeAsync(ct).ConfigureAwait(false);
        var trial = new DamageTrial(context.Rooms, seed);
        var results = new List<DamageResult>();
        foreach (var (subject, share) in subjects)
        {
            if (await trial.RefusalOfWholeAsync(subject, ct).ConfigureAwait(false) is { } refusal)
            {
                throw new EnvironmentUnusableException(refusal);
            }

            results.Add(await trial.RunAsync(subject, Math.Max(1, (int)Math.Round(count * share)), ct).ConfigureAwait(false));
            context.Terminal.Error.WriteLine(Line(results[^1]));
            await subject.RestoreAsync(ct).ConfigureAwait(false);
        }

        return results;
    }

    /// <summary>What was answered wrongly stays, to be looked at: the campaign that was damaged is another one every time.</summary>
    /// <returns>The folder; null: nothing was.</returns>
    private static string? Keep(IReadOnlyList<DamageResult> results)
    {
        var wrong = results.SelectMany(of => of.Wrong.Take(MaxShown).Select((answer, i) => (Name: $"{of.Subject.Replace(' ', '-')}-{i + 1}", answer.Bytes))).ToList();
        if (wrong.Count == 0)
        {
            return null;
        }

        var folder = Path.Combine(Options.Layout(Repository.Root(), null).Bench, "damage");
        try
        {
            Directory.CreateDirectory(folder);
            wrong.ForEach(file => File.WriteAllBytes(Path.Combine(folder, file.Name), file.Bytes));
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(folder, e);
        }

        return Repository.Shown(folder);
    }

    private static string Text(IReadOnlyList<DamageResult> results, string? kept)
    {
        var wrong = results.Sum(of => of.Wrong.Count);
        var text = new StringBuilder(string.Create(
            CultureInfo.InvariantCulture,
            $"{(wrong == 0 ? "HELD" : "FALSIFIED")}: {results.Sum(of => of.Count):N0} damaged files and tokens, {results.Sum(of => of.Refused):N0} refused in one line, {results.Sum(of => of.Read):N0} read, {wrong:N0} wrong\n\n"));
        foreach (var of in results)
        {
            text.Append(Line(of)).Append('\n').AppendJoin("", of.Wrong.Take(MaxShown).Select((answer, i) => $"    {i + 1}: {answer.Text}\n"));
        }

        return text.Append(kept is null ? "" : $"\n  kept      {kept}\n").ToString();
    }

    private static string Line(DamageResult of) => string.Create(CultureInfo.InvariantCulture, $"  {of.Subject,-28} {of.Count,6:N0}  {of.Refused,6:N0} refused  {of.Read,6:N0} read  {of.Wrong.Count,4:N0} wrong");
}
