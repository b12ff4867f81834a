using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Harness.Binary;

namespace Harness.Toolchain;

/// <summary>
/// Adds <c>"split-stack"</c> to functions of textual LLVM IR, as Zig prints it. A function gets a copy of its attribute
/// group with the attribute, so those that must stay unsplit keep the original: naked ones (no prologue), variadic
/// ones (LLVM refuses them), those that ask for their return address (morestack's continuation would be the answer),
/// and those named in the options.
/// </summary>
public static partial class SplitStackIr
{
    private const string Attribute = "\"split-stack\"";

    /// <summary>From the end of the parameters to the attribute group.</summary>
    private const string Attributes = """\) ((local_)?unnamed_addr )?(addrspace\(\d+\) )?#(?<group>\d+) """;

    /// <param name="Unsplit">By name in the symbol table.</param>
    public sealed record Result(string Text, int Split, IReadOnlyDictionary<string, UnsplitReason> Unsplit);

    /// <summary>What <see cref="Rewrite"/> made, without the attribute: the same code with the same debug information, unsplit.</summary>
    public static string Without(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Replace($"= {{ {Attribute} ", "= { ", StringComparison.Ordinal);
    }

    /// <param name="keepVariables">
    /// Keeps what debug information says of variables. Without, lines and functions remain and the code is the same,
    /// for a tenth to a fifth less time in code generation and half the object.
    /// </param>
    /// <exception cref="InvalidDataException">Not IR as Zig prints it.</exception>
    public static Result Rewrite(string text, InjectionOptions options, bool keepVariables = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(options);
        if (!keepVariables)
        {
            text = DropVariables(text);
        }

        var groups = Groups(text);
        var next = groups.Keys.DefaultIfEmpty(-1).Max() + 1;
        var copies = new Dictionary<int, int>();
        var unsplit = new Dictionary<string, UnsplitReason>();
        var output = new StringBuilder(text.Length + 4096);
        var (copied, split) = (0, 0);
        for (var at = NextDefine(text, 0); at >= 0; at = NextDefine(text, at + 1))
        {
            var lineEnd = text.IndexOf('\n', at);
            var line = text.AsSpan(at, (lineEnd < 0 ? text.Length : lineEnd) - at).ToString();
            var match = Define().Match(line);
            if (!match.Success)
            {
                throw new InvalidDataException($"cannot read this line of the LLVM IR: {Shorten(line)}");
            }

            var (name, group) = (Unescape(match.Groups["name"].Value), match.Groups["group"]);
            var number = int.Parse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);
            var attributes = groups.GetValueOrDefault(number)
                ?? throw new InvalidDataException(
                    $"{name} has attributes #{number}, which the LLVM IR does not define");
            if (Exclusion(name, line, attributes, Body(text, at), options) is { } reason)
            {
                unsplit[name] = reason;
                continue;
            }

            if (!copies.TryGetValue(number, out var copy))
            {
                copies.Add(number, copy = next++);
            }

            output.Append(text, copied, at + group.Index - copied).Append(CultureInfo.InvariantCulture, $"{copy}");
            copied = at + group.Index + group.Length;
            split++;
        }

        output.Append(text, copied, text.Length - copied).AppendLine();
        foreach (var (original, copy) in copies)
        {
            output.Append(
                CultureInfo.InvariantCulture, $"attributes #{copy} = {{ {Attribute} {groups[original]} }}\n");
        }

        return new Result(output.ToString(), split, unsplit);
    }

    /// <summary>
    /// Removes the <c>#dbg_…</c> records, each a line of its own, and asks for line tables only. (Just the latter
    /// crashes LLVM 21.)
    /// </summary>
    private static string DropVariables(string text)
    {
        const string Record = "#dbg_";
        const string Full = "emissionKind: FullDebug";
        var output = new StringBuilder(text.Length);
        var copied = 0;
        var at = -1;
        while ((at = text.IndexOf(Record, at + 1, StringComparison.Ordinal)) >= 0)
        {
            var lineStart = text.LastIndexOf('\n', at) + 1;
            if (text.AsSpan(lineStart, at - lineStart).IsWhiteSpace() && text.IndexOf('\n', at) is > 0 and var lineEnd)
            {
                output.Append(text, copied, lineStart - copied);
                copied = lineEnd + 1;
            }
        }

        output.Append(text, copied, text.Length - copied);
        var result = output.ToString();
        var unit = result.IndexOf("= distinct !DICompileUnit(", StringComparison.Ordinal);
        var kind = unit < 0 ? -1 : result.IndexOf(Full, unit, StringComparison.Ordinal);
        return kind < 0 ? result : output.Replace(Full, "emissionKind: LineTablesOnly", kind, Full.Length).ToString();
    }

    private static UnsplitReason? Exclusion(
        string name, string line, string attributes, ReadOnlySpan<char> body, InjectionOptions options)
    {
        if (options.Excludes(name))
        {
            return UnsplitReason.Excluded;
        }

        if (attributes.Split(' ').Contains("naked"))
        {
            return UnsplitReason.Naked;
        }

        if (line.Contains("...)", StringComparison.Ordinal) && Variadic().IsMatch(line))
        {
            return UnsplitReason.Variadic;
        }

        var asks = options.SparesReturnAddress && !options.TooLarge.Contains(name) && body.Contains("@llvm.returnaddress", StringComparison.Ordinal);
        return asks ? UnsplitReason.AsksReturnAddress : null;
    }

    /// <summary>Group number → what is between its braces.</summary>
    private static Dictionary<int, string> Groups(string text)
    {
        var result = new Dictionary<int, string>();
        foreach (Match match in Group().Matches(text))
        {
            result[int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)] =
                match.Groups[2].Value;
        }

        return result;
    }

    private static int NextDefine(string text, int from)
    {
        if (from == 0 && text.StartsWith("define ", StringComparison.Ordinal))
        {
            return 0;
        }

        var at = text.IndexOf("\ndefine ", Math.Max(0, from - 1), StringComparison.Ordinal);
        return at < 0 ? -1 : at + 1;
    }

    private static ReadOnlySpan<char> Body(string text, int define)
    {
        var end = text.IndexOf("\n}", define, StringComparison.Ordinal);
        return text.AsSpan(define, (end < 0 ? text.Length : end) - define);
    }

    /// <summary>Names may be quoted and hold bytes as two hexadecimal digits after a backslash.</summary>
    private static string Unescape(string name)
    {
        if (!name.StartsWith('"'))
        {
            return name;
        }

        const NumberStyles Hexadecimal = NumberStyles.AllowHexSpecifier;
        var bytes = new List<byte>();
        var inner = Encoding.UTF8.GetBytes(name[1..^1]);
        for (var i = 0; i < inner.Length; i++)
        {
            if (inner[i] == '\\' && i + 2 < inner.Length
                && byte.TryParse(inner.AsSpan(i + 1, 2), Hexadecimal, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                i += 2;
            }
            else
            {
                bytes.Add(inner[i]);
            }
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static string Shorten(string line) => line.Length <= 200 ? line : line[..200] + "…";

    // The last `) … #N` of the line: what comes before may hold anything in quotes.
    [GeneratedRegex(
        """^define [^@]*@(?<name>"[^"]*"|[-A-Za-z$._0-9]+)\(.*""" + Attributes, RegexOptions.ExplicitCapture)]
    private static partial Regex Define();

    [GeneratedRegex("""\.\.\.""" + Attributes, RegexOptions.ExplicitCapture)]
    private static partial Regex Variadic();

    [GeneratedRegex("""^attributes #(\d+) = \{ (.*) \}$""", RegexOptions.Multiline)]
    private static partial Regex Group();
}
