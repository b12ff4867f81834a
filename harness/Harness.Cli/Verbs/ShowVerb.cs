using System.CommandLine;
using System.Globalization;
using System.Text;
using Harness.Campaigns;
using Harness.Model;
using Harness.Reports;
using Harness.Reports.Pictures;
using Harness.Verification.Standalone;

namespace Harness.Cli.Verbs;

/// <summary><c>show CASE</c>: source, plan, expected against observed, and the stack as it was.</summary>
internal static class ShowVerb
{
    public static Command Create(VerbContext context)
    {
        var @case = Options.Case();
        var standalone = new Option<string?>("--standalone") { Description = "Instead write one Zig file that shows the failure without the harness; its first lines say how to build and run it", HelpName = "FILE" };
        var (zig, defect) = (Options.Zig(), Options.Defect());
        var command = new Command("show", "Show a case: its source with line numbers, its plan, expected against observed, the stack, what it depends on") { @case, standalone, zig, defect };
        command.SetAction(async (result, ct) =>
        {
            var word = result.GetRequiredValue(@case);
            var argument = result.GetValue(standalone) is null ? CaseArgument.Read(word) : CaseArgument.ReadOurs(word, "--standalone");
            var planted = Options.Defect(result.GetValue(defect));
            if (result.GetValue(standalone) is { } file)
            {
                return await WriteAsync(context, argument.Stored, file, result.GetValue(zig), planted, ct).ConfigureAwait(false);
            }

            if (planted is not null)
            {
                throw new UsageException("--defect goes with --standalone; replay --defect runs the case");
            }

            context.Terminal.Out.Write(Render(context, argument));
            return ExitCodes.Held;
        });
        return command;
    }

    private static async Task<int> WriteAsync(VerbContext context, StoredCase stored, string file, string? zig, PlantedDefect? defect, CancellationToken ct)
    {
        var document = stored.Document;
        var outcome = await context.Rooms.WriteStandaloneAsync(Repository.Root(), zig, defect, document.Case, document.Check, Path.GetFileName(file), ct).ConfigureAwait(false);
        if (outcome is not StandaloneOutcome.Written written)
        {
            throw new UsageException($"--standalone: {((StandaloneOutcome.Refused)outcome).Reason}");
        }

        try
        {
            await File.WriteAllTextAsync(file, written.Text, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--standalone {file} cannot be written: {e.Message}");
        }

        var quoted = Shell.Quote(file);
        context.Terminal.Out.Write($"written    {quoted}\nrun it     sed -n 's,^//[$] ,,p' {quoted} | sh -s {quoted}\n");
        return ExitCodes.Held;
    }

    private static string Render(VerbContext context, CaseArgument argument)
    {
        var stored = argument.Stored;
        var source = stored.Source.Length > 0 ? stored.Source : context.Rooms.Emit(stored.Document.Case);
        var text = new StringBuilder(CaseText.Header(stored.Document)).Append('\n').Append(Numbered(source)).Append('\n');
        if (stored.Expected.Length > 0 || stored.Observed.Length > 0)
        {
            text.Append(SideBySide.Render(stored.Expected, stored.Observed, context.Terminal.Width)).Append('\n');
        }

        text.Append(stored.Picture is { } picture
            ? PictureText.Render(picture, context.Terminal.Style)
            : "stack      none is stored with the case; replay draws it\n").Append('\n');

        if (stored.Explanation is { } explanation)
        {
            text.Append(CaseText.Explained(explanation)).Append('\n');
        }

        var word = argument.Folder is { } folder ? Shell.Quote(Repository.Shown(folder)) : stored.Token;
        return text.Append($"replay     scripts/harness replay {word}\n").ToString();
    }

    private static string Numbered(string source)
    {
        var lines = source.TrimEnd('\n').Split('\n');
        var width = lines.Length.ToString(CultureInfo.InvariantCulture).Length;
        return string.Concat(lines.Select((line, i) => $"{(i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(width)}  {Printable.Of(line)}".TrimEnd() + "\n"));
    }
}
