using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Harness.Model;

/// <summary>
/// A place in a JSON document that is being read. Every mismatch is an <see cref="InvalidDataException"/> of one line
/// that names the place.
/// </summary>
internal sealed class JsonPart
{
    /// <summary>Longest document accepted, in characters.</summary>
    public const int MaxLength = 4 * 1024 * 1024;

    /// <summary>Deepest nesting accepted.</summary>
    public const int MaxDepth = 256;

    private readonly JsonElement _element;
    private readonly JsonPart? _parent;
    private readonly string _name;

    private JsonPart(JsonElement element, JsonPart? parent, string name)
    {
        _element = element;
        _parent = parent;
        _name = name;
    }

    public bool IsObject => _element.ValueKind is JsonValueKind.Object;

    private string Path => _parent is null ? _name : _parent.Path + _name;

    /// <summary>Parses a document and reads its root; throws nothing but <see cref="InvalidDataException"/>.</summary>
    public static T Read<T>(string json, string what, Func<JsonPart, T> read)
    {
        if (json.Length > MaxLength)
        {
            throw new InvalidDataException($"{what}: longer than {MaxLength} characters");
        }

        try
        {
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false };
            using var document = JsonDocument.Parse(json, options);
            return read(new(document.RootElement, null, what));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{what}: not JSON: {OneLine(e.Message)}", e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // Text that cannot be decoded: a lone surrogate, or an escape of one.
            throw new InvalidDataException($"{what}: not readable text: {OneLine(e.Message)}", e);
        }
    }

    /// <summary>The value of a property of an object.</summary>
    public JsonPart this[string property] =>
        IsObject && _element.TryGetProperty(property, out var value)
            ? new(value, this, "." + property)
            : throw Wrong($"property \"{property}\" is missing");

    /// <summary>Whether this is an object with the property.</summary>
    public bool Has(string property) => IsObject && _element.TryGetProperty(property, out _);

    /// <summary>Checks that this is an object with exactly these properties.</summary>
    public JsonPart Having(params ReadOnlySpan<string> properties)
    {
        if (!IsObject)
        {
            throw Wrong("an object is expected");
        }

        foreach (var property in _element.EnumerateObject())
        {
            if (!properties.Contains(property.Name))
            {
                throw Wrong($"unknown property \"{Shown(property.Name)}\"");
            }
        }

        foreach (var property in properties)
        {
            _ = this[property];
        }

        return this;
    }

    /// <summary>Checks the version of the document before anything else of it.</summary>
    public JsonPart RequireFormat(string format)
    {
        var found = this["format"].Text();
        return found == format ? this : throw Wrong($"format \"{Shown(found)}\" is not \"{format}\"");
    }

    /// <summary>The name of the single property of an object.</summary>
    public string OnlyProperty()
    {
        if (!IsObject || _element.GetPropertyCount() != 1)
        {
            throw Wrong("an object of one property is expected");
        }

        return _element.EnumerateObject().First().Name;
    }

    public string Text() => _element.ValueKind is JsonValueKind.String
        ? _element.GetString()!
        : throw Wrong("a string is expected");

    public bool TryText([NotNullWhen(true)] out string? text)
    {
        text = _element.ValueKind is JsonValueKind.String ? _element.GetString() : null;
        return text is not null;
    }

    public bool Bool() => _element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false is expected"),
    };

    public bool TryWord(out ulong word)
    {
        word = 0;
        return _element.ValueKind is JsonValueKind.Number && _element.TryGetUInt64(out word);
    }

    public ulong Word() => TryWord(out var word) ? word : throw Wrong("a number from 0 to 2^64 - 1 is expected");

    public long Integer(long min, long max) =>
        _element.ValueKind is JsonValueKind.Number
        && _element.TryGetInt64(out var value) && value >= min && value <= max
            ? value
            : throw Wrong($"a number from {min} to {max} is expected");

    public int Int(int min = 0, int max = 1_000_000) => (int)Integer(min, max);

    public EquatableArray<T> List<T>(Func<JsonPart, T> read)
    {
        if (_element.ValueKind is not JsonValueKind.Array)
        {
            throw Wrong("an array is expected");
        }

        var items = new T[_element.GetArrayLength()];
        var i = 0;
        foreach (var item in _element.EnumerateArray())
        {
            items[i] = read(new(item, this, $"[{i}]"));
            i++;
        }

        return new(items);
    }

    public T Named<T>(NameTable<T> names)
        where T : struct, Enum => names.TryParse(Text(), out var value)
        ? value
        : throw Wrong($"\"{Shown(Text())}\" is not one of {names}");

    public InvalidDataException Wrong(string message) => new($"{Path}: {message}");

    /// <summary>Untrusted text, made fit for a one-line message.</summary>
    public static string Shown(string text) => OneLine(text.Length <= 40 ? text : text[..40] + "…");

    private static string OneLine(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
}

/// <summary>The JSON names of an enum's values: the C# names, first letter small unless told.</summary>
internal sealed class NameTable<T>
    where T : struct, Enum
{
    private readonly Dictionary<string, T> _values = [];
    private readonly Dictionary<T, string> _names = [];

    public NameTable(bool camel = true)
    {
        foreach (var value in Enum.GetValues<T>())
        {
            var name = value.ToString();
            name = camel ? char.ToLowerInvariant(name[0]) + name[1..] : name;
            _values.Add(name, value);
            _names.Add(value, name);
        }
    }

    public string this[T value] => _names[value];

    public bool TryParse(string name, out T value) => _values.TryGetValue(name, out value);

    public override string ToString() => string.Join(", ", _values.Keys);
}
