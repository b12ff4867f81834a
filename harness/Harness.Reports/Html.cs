using System.Text;

namespace Harness.Reports;

/// <summary>The one place where text becomes HTML.</summary>
public static class Html
{
    /// <summary>Safe as text and inside a double-quoted attribute. Characters that no page may hold become U+FFFD.</summary>
    public static string Escape(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            result.Append(rune.Value switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\n' or '\t' => rune.ToString(),
                < ' ' or (>= 0x7F and < 0xA0) => "\uFFFD",
                _ => rune.ToString(),
            });
        }

        return result.ToString();
    }
}

/// <summary>Writes elements; text and attribute values are escaped on the way, tags and classes are literals of ours.</summary>
internal sealed class HtmlWriter
{
    private readonly StringBuilder _html = new();

    public HtmlWriter Open(string tag, string @class = "", string id = "")
    {
        _html.Append('<').Append(tag);
        Attribute("class", @class);
        Attribute("id", id);
        _html.Append('>');
        return this;
    }

    public HtmlWriter Close(string tag)
    {
        _html.Append("</").Append(tag).Append(">\n");
        return this;
    }

    public HtmlWriter Text(string text)
    {
        _html.Append(Html.Escape(text));
        return this;
    }

    public HtmlWriter Element(string tag, string text, string @class = "") => Open(tag, @class).Text(text).Close(tag);

    /// <summary>A command with a button that copies it.</summary>
    public HtmlWriter Command(string command)
    {
        Open("div", "command").Open("code").Text(command).Close("code");
        return CopyButton("copy", command).Close("div");
    }

    public HtmlWriter CopyButton(string label, string copied)
    {
        _html.Append("<button type=\"button\" data-copy=\"").Append(Html.Escape(copied)).Append("\">");
        return Text(label).Close("button");
    }

    public HtmlWriter Table(IEnumerable<string> head, IEnumerable<IEnumerable<string>> rows)
    {
        Open("div", "scroll").Open("table").Open("thead").Open("tr");
        foreach (var (title, index) in head.Select((title, index) => (title, index)))
        {
            Element("th", title, index == 0 ? "" : "n");
        }

        Close("tr").Close("thead").Open("tbody");
        foreach (var row in rows)
        {
            Open("tr");
            foreach (var (cell, index) in row.Select((cell, index) => (cell, index)))
            {
                Element("td", cell, index == 0 ? "" : "n");
            }

            Close("tr");
        }

        return Close("tbody").Close("table").Close("div");
    }

    /// <summary>Only for constants of this assembly.</summary>
    internal HtmlWriter Literal(string html)
    {
        _html.Append(html);
        return this;
    }

    public override string ToString() => _html.ToString();

    private void Attribute(string name, string value)
    {
        if (value.Length > 0)
        {
            _html.Append(' ').Append(name).Append("=\"").Append(Html.Escape(value)).Append('"');
        }
    }
}
