using System.Text;

namespace Harness.Emit;

/// <summary>Writes indented lines and notes what each of them is for.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private readonly List<SourceOwner?> _owners = [];
    private readonly Dictionary<(int Program, int Site), int> _sites = [];
    private readonly Dictionary<SourceOwner, int> _anchors = [];
    private int _indent;
    private SourceOwner? _owner;

    /// <summary>Writes one line; with a site, the line is that site's.</summary>
    public void Line(string text, int? site = null)
    {
        if (site is { } number)
        {
            _sites.Add((_owner!.Program, number), _owners.Count + 1);
        }

        Raw(text);
    }

    /// <summary>Writes a line that opens a block.</summary>
    public void Open(string text, int? site = null)
    {
        Line(text, site);
        _indent++;
    }

    /// <summary>Writes a line that closes a block.</summary>
    public void Close(string text = "}")
    {
        _indent--;
        Line(text);
    }

    /// <summary>Writes a line like <c>} else {</c>.</summary>
    public void Turn(string text)
    {
        Close(text);
        _indent++;
    }

    public void Blank()
    {
        _text.Append('\n');
        _owners.Add(_owner);
    }

    /// <summary>All lines until <see cref="Leave"/> belong to <paramref name="owner"/>.</summary>
    public void Enter(SourceOwner owner) => _owner = owner;

    public void Leave() => _owner = null;

    /// <summary>Writes the line that the source map gives for the current owner.</summary>
    public void Anchor(string text)
    {
        _anchors.Add(_owner!, _owners.Count + 1);
        Raw(text);
    }

    public EmittedUnit Finish() => new(_text.ToString(), new SourceMap(_sites, _anchors, _owners));

    private void Raw(string text)
    {
        _text.Append(' ', _indent * 4).Append(text).Append('\n');
        _owners.Add(_owner);
    }
}
