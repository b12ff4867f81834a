using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>Lays JSON out for people: what fits goes on one line, the rest is broken and indented.</summary>
internal static class JsonLayout
{
    private const int Width = 118;

    public static string Render(JsonNode root)
    {
        var text = new StringBuilder();
        Write(text, root, indent: 0, lead: 0);
        return text.Append('\n').ToString();
    }

    /// <param name="text">Where to.</param>
    /// <param name="node">What.</param>
    /// <param name="indent">Column of the line that it starts on.</param>
    /// <param name="lead">Characters already on that line behind the indent, and a comma to come.</param>
    private static void Write(StringBuilder text, JsonNode node, int indent, int lead)
    {
        var flat = new StringBuilder();
        if (TryFlat(flat, node, Width - indent - lead))
        {
            text.Append(flat);
            return;
        }

        if (node is JsonObject members)
        {
            Lines(text, '{', members, '}', indent, member =>
            {
                var name = $"{Quoted(member.Key)}: ";
                text.Append(name);
                Write(text, member.Value!, indent + 1, name.Length + 1);
            });
        }
        else
        {
            Lines(text, '[', node.AsArray(), ']', indent, item => Write(text, item!, indent + 1, 1));
        }
    }

    private static void Lines<T>(
        StringBuilder text, char open, IEnumerable<T> items, char close, int indent, Action<T> write)
    {
        text.Append(open);
        var separator = "";
        foreach (var item in items)
        {
            text.Append(separator).Append('\n').Append(' ', indent + 1);
            write(item);
            separator = ",";
        }

        text.Append('\n').Append(' ', indent).Append(close);
    }

    /// <summary>Appends the node on one line if that takes <paramref name="width"/> characters at most.</summary>
    private static bool TryFlat(StringBuilder flat, JsonNode node, int width)
    {
        switch (node)
        {
            case JsonObject members:
                return TryFlatList(flat, '{', members, '}', width, member =>
                {
                    flat.Append(Quoted(member.Key)).Append(": ");
                    return TryFlat(flat, member.Value!, width);
                });
            case JsonArray items:
                return TryFlatList(flat, '[', items, ']', width, item => TryFlat(flat, item!, width));
            default:
                // A leaf goes on one line, however long.
                flat.Append(node.ToJsonString());
                return true;
        }
    }

    private static bool TryFlatList<T>(
        StringBuilder flat, char open, IEnumerable<T> items, char close, int width, Func<T, bool> append)
    {
        flat.Append(open);
        var separator = "";
        foreach (var item in items)
        {
            flat.Append(separator);
            if (!append(item) || flat.Length > width)
            {
                return false;
            }

            separator = ", ";
        }

        flat.Append(close);
        return flat.Length <= width;
    }

    private static string Quoted(string name) => $"\"{JsonEncodedText.Encode(name)}\"";
}
