using System.Buffers;
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

    /// <param name="Text">UTF-8.</param>
    /// <param name="Unsplit">By name in the symbol table.</param>
    public sealed record Result(ReadOnlyMemory<byte> Text, int Split, IReadOnlyDictionary<string, UnsplitReason> Unsplit);

    /// <summary>What <see cref="Rewrite"/> made, without the attribute: the same code with the same debug information, unsplit.</summary>
    public static string Without(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Replace($"= {{ {Attribute} ", "= { ", StringComparison.Ordinal);
    }

    /// <summary>One pass over the lines, as bytes: a unit of 256 programs has 27 MB of them.</summary>
    /// <param name="keepVariables">
    /// Keeps what debug information says of variables. Without, lines and functions remain and the code is the same,
    /// for a tenth to a fifth less time in code generation and half the object.
    /// </param>
    /// <exception cref="InvalidDataException">Not IR as Zig prints it.</exception>
    public static Result Rewrite(ReadOnlySpan<byte> text, InjectionOptions options, bool keepVariables = true)
    {
        ArgumentNullException.ThrowIfNull(options);
        var groups = Groups(text);
        var next = groups.Keys.DefaultIfEmpty(-1).Max() + 1;
        var copies = new Dictionary<int, int>();
        var unsplit = new Dictionary<string, UnsplitReason>();
        var output = new ArrayBufferWriter<byte>(text.Length + 4096);
        var variables = keepVariables ? Variables.Kept : text.IndexOf("retainedNodes: !"u8) < 0 ? Variables.Dropped : Variables.RecordsDropped;
        var (copied, split) = (0, 0);
        for (int at = 0, end; at < text.Length; at = end)
        {
            end = LineEnd(text, at);
            var line = text[at..end];
            if (line.StartsWith("define "u8))
            {
                var definition = Definition.Read(line);
                var attributes = groups.GetValueOrDefault(definition.Group)
                    ?? throw new InvalidDataException($"{definition.Name} has attributes #{definition.Group}, which the LLVM IR does not define");
                if (Exclusion(definition, attributes, Body(text[at..]), options) is { } reason)
                {
                    unsplit[definition.Name] = reason;
                    continue;
                }

                if (!copies.TryGetValue(definition.Group, out var copy))
                {
                    copies.Add(definition.Group, copy = next++);
                }

                output.Write(text[copied..(at + definition.GroupAt)]);
                Write(output, $"{copy}");
                copied = at + definition.GroupAt + definition.GroupLength;
                split++;
            }
            else if (variables is not Variables.Kept && WithoutVariables(line, variables) is { } shorter)
            {
                output.Write(text[copied..at]);
                output.Write(shorter);
                copied = end;
            }
        }

        output.Write(text[copied..]);
        output.Write("\n"u8);
        foreach (var (original, copy) in copies)
        {
            Write(output, $"attributes #{copy} = {{ {Attribute} {groups[original]} }}\n");
        }

        return new Result(output.WrittenMemory, split, unsplit);
    }

    /// <summary>What debug information says of variables.</summary>
    private enum Variables
    {
        Kept,

        /// <summary>Not where they are; what they are is still named by their functions.</summary>
        RecordsDropped,
        Dropped,
    }

    /// <summary>
    /// What becomes of a line that is about variables: <c>#dbg_…</c> records and <c>!DILocalVariable</c> nodes go, and the unit asks for line
    /// tables only. (Just the latter crashes LLVM 21.) Null: the line stays.
    /// </summary>
    private static byte[]? WithoutVariables(ReadOnlySpan<byte> line, Variables variables)
    {
        if (line[0] is (byte)' ')
        {
            return line.TrimStart((byte)' ').StartsWith("#dbg_"u8) ? [] : null;
        }

        if (line[0] is not (byte)'!')
        {
            return null;
        }

        var node = line[(line.IndexOf((byte)'=') + 1)..];
        if (node.StartsWith(" !DILocalVariable("u8))
        {
            return variables is Variables.Dropped ? [] : null;
        }

        return node.StartsWith(" distinct !DICompileUnit("u8)
            ? Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(line).Replace("emissionKind: FullDebug", "emissionKind: LineTablesOnly", StringComparison.Ordinal))
            : null;
    }

    private static void Write(ArrayBufferWriter<byte> output, FormattableString text) => output.Write(Encoding.Latin1.GetBytes(FormattableString.Invariant(text)));

    /// <summary>Behind the line's end.</summary>
    private static int LineEnd(ReadOnlySpan<byte> text, int at)
    {
        var length = text[at..].IndexOf((byte)'\n');
        return length < 0 ? text.Length : at + length + 1;
    }

    private static ReadOnlySpan<byte> Body(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf("\n}"u8);
        return end < 0 ? text : text[..end];
    }

    /// <summary>A line that begins a function.</summary>
    /// <param name="Name">As the symbol table has it.</param>
    /// <param name="Group">Number of its attribute group, which stands at <paramref name="GroupAt"/> with <paramref name="GroupLength"/> digits.</param>
    private readonly record struct Definition(string Name, int Group, int GroupAt, int GroupLength, bool IsVariadic)
    {
        /// <exception cref="InvalidDataException"/>
        public static Definition Read(ReadOnlySpan<byte> line)
        {
            // One character per byte: places in both are the same.
            var text = Encoding.Latin1.GetString(line.TrimEnd((byte)'\n'));
            var match = Define().Match(text);
            var group = match.Groups["group"];
            return match.Success
                ? new Definition(
                    Unescape(match.Groups["name"].Value), int.Parse(group.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture), group.Index, group.Length,
                    text.Contains("...)", StringComparison.Ordinal) && Variadic().IsMatch(text))
                : throw new InvalidDataException($"cannot read this line of the LLVM IR: {Shorten(text)}");
        }
    }

    private static UnsplitReason? Exclusion(Definition definition, string attributes, ReadOnlySpan<byte> body, InjectionOptions options)
    {
        if (options.Excludes(definition.Name))
        {
            return UnsplitReason.Excluded;
        }

        if (attributes.Split(' ').Contains("naked"))
        {
            return UnsplitReason.Naked;
        }

        if (definition.IsVariadic)
        {
            return UnsplitReason.Variadic;
        }

        var asks = options.SparesReturnAddress && !options.TooLarge.Contains(definition.Name) && body.IndexOf("@llvm.returnaddress"u8) >= 0;
        return asks ? UnsplitReason.AsksReturnAddress : null;
    }

    /// <summary>Group number → what is between its braces.</summary>
    private static Dictionary<int, string> Groups(ReadOnlySpan<byte> text)
    {
        var result = new Dictionary<int, string>();
        ReadOnlySpan<byte> begin = "\nattributes #"u8;
        for (int at = 0, found; (found = text[at..].IndexOf(begin)) >= 0;)
        {
            at += found + 1;
            if (Group().Match(Encoding.Latin1.GetString(text[at..LineEnd(text, at)].TrimEnd((byte)'\n'))) is { Success: true } match)
            {
                result[int.Parse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)] = match.Groups[2].Value;
            }
        }

        return result;
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
        var inner = Encoding.Latin1.GetBytes(name[1..^1]);
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

    [GeneratedRegex("""^attributes #(\d+) = \{ (.*) \}$""")]
    private static partial Regex Group();
}
