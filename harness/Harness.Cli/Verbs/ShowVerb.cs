using System.CommandLine;
using System.Globalization;
using System.Text;
using Harness.Reports;
using Harness.Reports.Pictures;

namespace Harness.Cli.Verbs;

/// <summary><c>show CASE</c>: source, plan, expected against observed, and the stack as it was.</summary>
internal static class ShowVerb
{
    public static Command Create(VerbContext context)
    {
        var @case = Options.Case();
        var command = new Command("show", "Show a case: its source with line numbers, its plan, expected against observed, the stack") { @case };
        command.SetAction(result =>
        {
            context.Terminal.Out.Write(Render(context, CaseArgument.Read(result.GetRequiredValue(@case))));
            return ExitCodes.Held;
        });
        return command;
    }

    private static string Render(VerbContext context, CaseArgument argument)
    {
        var stored = argument.Stored;
        var source = stored.Source.Length > 0 ? stored.Source : context.Rooms.Emit(stored.Document.Case.Program);
        var text = new StringBuilder(CaseText.Header(stored.Document)).Append('\n').Append(Numbered(source)).Append('\n');
        if (stored.Expected.Length > 0 || stored.Observed.Length > 0)
        {
            text.Append(SideBySide.Render(stored.Expected, stored.Observed, context.Terminal.Width)).Append('\n');
        }

        text.Append(stored.Picture is { } picture
            ? PictureText.Render(picture, context.Terminal.Style)
            : "stack      none is stored with the case; replay draws it\n").Append('\n');

        var word = argument.Folder is { } folder ? Shell.Quote(Repository.Shown(folder)) : stored.Token;
        return text.Append($"replay     scripts/harness replay {word}\n").ToString();
    }

    private static string Numbered(string source)
    {
        var lines = source.TrimEnd('\n').Split('\n');
        var width = lines.Length.ToString(CultureInfo.InvariantCulture).Length;
        return string.Concat(lines.Select((line, i) => $"{(i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(width)}  {line}".TrimEnd() + "\n"));
    }
}
