using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Harness.Binary;
using Harness.Model;

namespace Harness.Toolchain.Runtimes;

/// <summary>Reads a runtime's folder: its runtime.json, checked, and that what it names is there.</summary>
public static partial class RuntimeFolder
{
    public const string FileName = "runtime.json";

    private const int MaxFileBytes = 1 << 20;

    /// <summary>The first property of every description.</summary>
    public const string Format = "split-runtime 1";

    /// <summary>Our own, by name.</summary>
    public const string Ours = "ours";

    private const int MaxSources = 64;
    private const int MaxWords = 256;
    private const long MaxSlackBytes = 1 << 20;

    private static readonly NameTable<Route> _routes = new();
    private static readonly NameTable<OptimizeMode> _modes = new(camel: false);

    /// <summary>The folder of a runtime that comes with the harness, or null.</summary>
    public static string? Shipped(FixtureLayout fixtures, string name)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        var folder = fixtures.PathOf(Path.Combine("foreign", name));
        return Name().IsMatch(name) && File.Exists(Path.Combine(folder, FileName)) ? folder : null;
    }

    /// <summary>The names of those.</summary>
    public static IReadOnlyList<string> ShippedNames(FixtureLayout fixtures)
    {
        ArgumentNullException.ThrowIfNull(fixtures);
        return [.. Directory.EnumerateDirectories(fixtures.PathOf("foreign")).Where(folder => File.Exists(Path.Combine(folder, FileName)))
            .Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];
    }

    /// <param name="given">A name of <see cref="ShippedNames"/>, or the path of a folder with a runtime.json, or of that file.</param>
    /// <exception cref="InvalidDataException">There is none, or it is wrong: one line that says where and how.</exception>
    public static ForeignRuntime Find(FixtureLayout fixtures, string given)
    {
        ArgumentException.ThrowIfNullOrEmpty(given);
        var folder = Shipped(fixtures, given)
            ?? (Path.GetFileName(given) == FileName ? Path.GetDirectoryName(Path.GetFullPath(given))! : Path.GetFullPath(given));
        var file = Path.Combine(folder, FileName);
        if (!File.Exists(file))
        {
            throw new InvalidDataException(
                $"--runtime {JsonPart.Shown(given)}: there is no {FileName} there; give {Ours}, {string.Join(", ", ShippedNames(fixtures))}, or a folder with one (harness/docs/RUNTIMES.md)");
        }

        try
        {
            return Read(BoundedFile.ReadText(file, MaxFileBytes), folder);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"--runtime {JsonPart.Shown(given)}: {e.Message}", e);
        }
    }

    /// <exception cref="InvalidDataException">It is wrong.</exception>
    internal static ForeignRuntime Read(string json, string folder) => JsonPart.Read(json, FileName, part =>
    {
        string[] optional = ["routes", "prologue", "modes", "flags", "link"];
        part.RequireFormat(Format).Having(["format", "name", "about", "sources", "stub", "can", .. optional.Where(part.Has)]);
        if (part.Has("routes") == part.Has("prologue"))
        {
            throw part.Wrong("either \"routes\" (of ours, whose prologues call it) or \"prologue\" (a command of its own) is expected");
        }

        var stub = part["stub"].Having("begin", "end");
        var can = part["can"].Having("forces", "threads", "signals", "slackBytes");
        return new ForeignRuntime(Named(part["name"]), Line(part["about"]), Path.GetFullPath(folder))
        {
            Routes = part.Has("routes") ? RoutesOf(part["routes"]) : [Route.Command],
            Command = part.Has("prologue") ? CommandOf(part["prologue"].Having("command")["command"]) : [],
            Modes = part.Has("modes") ? [.. part["modes"].List(mode => mode.Named(_modes))] : [],
            Sources = Listed(part["sources"], MaxSources, 1, source => Source(source, folder)),
            Flags = part.Has("flags") ? Listed(part["flags"], MaxWords, 0, Line) : [],
            Link = part.Has("link") ? Listed(part["link"], MaxSources, 0, link => Linked(link, folder)) : [],
            Stub = (Symbol(stub["begin"]), Symbol(stub["end"])),
            Can = new RuntimeAbilities(can["forces"].Bool(), can["threads"].Bool(), can["signals"].Bool(), can["slackBytes"].Integer(0, MaxSlackBytes)),
        };
    });

    private static string Named(JsonPart part) => Name().IsMatch(part.Text()) && part.Text() != Ours
        ? part.Text()
        : throw part.Wrong($"a name is one word of small letters, digits and dashes, up to 24, and not \"{Ours}\"");

    private static ImmutableArray<Route> RoutesOf(JsonPart part)
    {
        var routes = Listed(part, 3, 1, route => route.Named(_routes));
        return routes.Contains(Route.Command) ? throw part.Wrong("a command is given as \"prologue\", not as a route") : routes;
    }

    private static ImmutableArray<string> CommandOf(JsonPart part)
    {
        var words = Listed(part, MaxWords, 1, Line);
        foreach (var needed in ForeignRuntime.Placeholders.Take(2).Select(name => "{" + name + "}"))
        {
            if (!words.Any(word => word.Contains(needed, StringComparison.Ordinal)))
            {
                throw part.Wrong($"the command has no {needed}; it makes the object {{out}} of the Zig file {{in}}");
            }
        }

        var unknown = words.SelectMany(word => Placeholder().Matches(word)).Select(match => match.Groups["name"].Value).FirstOrDefault(name => !ForeignRuntime.Placeholders.Contains(name));
        return unknown is null ? words : throw part.Wrong($"{{{unknown}}} is no placeholder; known: {string.Join(", ", ForeignRuntime.Placeholders.Select(name => "{" + name + "}"))}");
    }

    private static string Source(JsonPart part, string folder)
    {
        var path = Path.GetFullPath(Path.Combine(folder, Line(part)));
        return Path.GetExtension(path) is not (".c" or ".S" or ".zig") ? throw part.Wrong($"{JsonPart.Shown(part.Text())} is no .c, .S or .zig file")
            : File.Exists(path) ? path : throw part.Wrong($"{JsonPart.Shown(part.Text())} is not there");
    }

    private static string Linked(JsonPart part, string folder)
    {
        var text = Line(part);
        if (text.StartsWith(ForeignRuntime.GccPrefix, StringComparison.Ordinal))
        {
            return text.Length > ForeignRuntime.GccPrefix.Length && !text.Contains('/') ? text : throw part.Wrong("behind gcc: the name of a library is expected, for example gcc:libgcc.a");
        }

        var path = Path.GetFullPath(Path.Combine(folder, text));
        return Path.GetExtension(path) is not (".o" or ".a") ? throw part.Wrong($"{JsonPart.Shown(text)} is no .o or .a file")
            : File.Exists(path) ? path : throw part.Wrong($"{JsonPart.Shown(text)} is not there; build it first");
    }

    private static string Symbol(JsonPart part) =>
        SymbolName().IsMatch(part.Text()) ? part.Text() : throw part.Wrong($"\"{JsonPart.Shown(part.Text())}\" is no symbol of C or assembly");

    private static string Line(JsonPart part) => part.Text() is { Length: > 0 and <= 1000 } text && !text.Any(char.IsControl)
        ? text
        : throw part.Wrong("a text of one line is expected");

    private static ImmutableArray<T> Listed<T>(JsonPart part, int most, int least, Func<JsonPart, T> read)
    {
        var items = part.List(read);
        return items.Count < least ? throw part.Wrong("it is empty") : items.Count > most ? throw part.Wrong($"more than {most} entries") : [.. items];
    }

    [GeneratedRegex("^[a-z][a-z0-9-]{0,23}$")]
    private static partial Regex Name();

    [GeneratedRegex("^[A-Za-z_.$][A-Za-z0-9_.$]{0,199}$")]
    private static partial Regex SymbolName();

    [GeneratedRegex(@"\{(?<name>\w+)\}", RegexOptions.ExplicitCapture)]
    private static partial Regex Placeholder();
}
