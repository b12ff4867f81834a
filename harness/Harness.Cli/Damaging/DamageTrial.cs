using System.Text;
using Harness.Reports;

namespace Harness.Cli.Damaging;

/// <summary>Something that is stored, or handed from one person to another, and the commands that read it.</summary>
/// <param name="File">Where it lies; null: it is a word of the command line.</param>
/// <param name="Commands">From that file, or that word.</param>
public sealed record DamageSubject(string Name, byte[] Whole, string? File, IReadOnlyList<Func<string, IReadOnlyList<string>>> Commands)
{
    /// <summary>A folder that the commands make, and that is removed after each; null: none.</summary>
    public string? Leaves { get; init; }

    /// <summary>As it was before the damage; others are read beside it.</summary>
    public Task RestoreAsync(CancellationToken ct) => File is null ? Task.CompletedTask : System.IO.File.WriteAllBytesAsync(File, Whole, ct);
}

/// <summary>What the commands made of damaged things of a kind.</summary>
/// <param name="Read">The damage was harmless, or is left out by name.</param>
/// <param name="Refused">In one line, with exit code 2.</param>
/// <param name="Wrong">Anything else.</param>
public sealed record DamageResult(string Subject, int Read, int Refused, IReadOnlyList<WrongAnswer> Wrong)
{
    public int Count => Read + Refused + Wrong.Count;
}

/// <summary>A command that made the wrong thing of something damaged.</summary>
/// <param name="Bytes">The damaged thing.</param>
/// <param name="Text">What was asked and what is wrong with the answer, in one line for people.</param>
public sealed record WrongAnswer(byte[] Bytes, string Text);

/// <summary>
/// Hands damaged files and words to the command line itself, in this process. Each time: a documented exit code, in time; a refusal is one line; nothing that a
/// terminal would obey is printed; the file is as it was.
/// </summary>
public sealed class DamageTrial(IRoomOpener rooms, ulong seed)
{
    private const int Width = 100;
    private const int LongestLine = 1200;

    /// <summary>Far beyond what any of them takes.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    /// <summary>So many of a subject; after a command that does not end, no more of it.</summary>
    public async Task<DamageResult> RunAsync(DamageSubject subject, int count, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var damage = new Damage(seed);
        var (read, refused, wrong) = (0, 0, new List<WrongAnswer>());
        for (var number = 0; number < count; number++)
        {
            ct.ThrowIfCancellationRequested();
            var bytes = damage.Of(subject.Whole);
            var arguments = subject.Commands[number % subject.Commands.Count](Place(subject, bytes));
            if (await AnswerAsync(subject, arguments, ct).ConfigureAwait(false) is not { } answer)
            {
                wrong.Add(new WrongAnswer(bytes, $"{Shown(arguments)} does not end"));
                break;
            }

            if (answer.Complaint() is { } complaint)
            {
                wrong.Add(new WrongAnswer(bytes, $"{Shown(arguments)}: {complaint}"));
            }
            else if (subject.File is { } file && !File.ReadAllBytes(file).AsSpan().SequenceEqual(bytes))
            {
                wrong.Add(new WrongAnswer(bytes, $"{Shown(arguments)} changed {Path.GetFileName(file)}"));
            }
            else
            {
                (read, refused) = answer.Code == ExitCodes.Usage ? (read, refused + 1) : (read + 1, refused);
            }
        }

        return new DamageResult(subject.Name, read, refused, wrong);
    }

    /// <summary>The whole thing is read: without that, damaged ones would be refused for some other reason.</summary>
    /// <returns>What is wrong; null: nothing.</returns>
    public async Task<string?> RefusalOfWholeAsync(DamageSubject subject, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(subject);
        foreach (var command in subject.Commands)
        {
            var arguments = command(Place(subject, subject.Whole));
            if (await AnswerAsync(subject, arguments, ct).ConfigureAwait(false) is not { } answer || answer.Code == ExitCodes.Usage || answer.Complaint() is not null)
            {
                return $"{Shown(arguments)} does not read what is not damaged";
            }
        }

        return null;
    }

    /// <summary>Puts it where it lies; what a command is told of it.</summary>
    private static string Place(DamageSubject subject, byte[] bytes)
    {
        if (subject.File is not { } file)
        {
            // No word of a command line holds a zero.
            return Encoding.UTF8.GetString(bytes).Replace("\0", "", StringComparison.Ordinal);
        }

        File.WriteAllBytes(file, bytes);
        return file;
    }

    /// <summary>Null: it does not end.</summary>
    private async Task<Answer?> AnswerAsync(DamageSubject subject, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var application = new Application(new Terminal(output, error, IsLive: false, Width), rooms);
        try
        {
            var code = await Task.Run(() => application.RunAsync([.. arguments], ct), ct).WaitAsync(_patience, ct).ConfigureAwait(false);
            if (Directory.Exists(subject.Leaves))
            {
                Directory.Delete(subject.Leaves, recursive: true);
            }

            return new Answer(code, output.ToString(), error.ToString());
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static string Shown(IReadOnlyList<string> arguments)
    {
        var text = string.Join(' ', arguments.Select(Shell.Quote)).ReplaceLineEndings(" ");
        return Printable.Of(text.Length <= Width ? text : text[..Width] + "…");
    }

    private sealed record Answer(int Code, string Output, string Error)
    {
        /// <summary>What is wrong with it; null: nothing.</summary>
        public string? Complaint()
        {
            var lines = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return Code is < ExitCodes.Held or > ExitCodes.Inconclusive ? $"exit code {Code}"
                : Error.Contains(Application.OwnDefect, StringComparison.Ordinal) ? $"crashes: {lines.ElementAtOrDefault(1)}"
                : Code == ExitCodes.Usage && (lines.Length != 1 || Output.Length > 0) ? $"refuses in {lines.Length} lines: {string.Join(" | ", lines)}"
                : lines.FirstOrDefault(line => !line.StartsWith("harness: ", StringComparison.Ordinal)) is { } other ? $"says {other}"
                : lines.FirstOrDefault(line => line.Length > LongestLine) is { } endless ? $"has a line of {endless.Length} characters: {endless[..Width]}…"
                : (Output + Error).Split('\n').FirstOrDefault(line => line.Any(char.IsControl)) is { } controlling ? $"prints the control character {(int)controlling.First(char.IsControl)}: {Printable.Of(controlling)}"
                : Code != ExitCodes.Usage && Output.Length + Error.Length == 0 ? "says nothing"
                : null;
        }
    }
}
