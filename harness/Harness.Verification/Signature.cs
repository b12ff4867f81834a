using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Verification;

/// <summary>
/// What kind of failure it is, without what varies from program to program: findings with equal signatures are taken for
/// one defect, and shrinking must keep it. Its text is one word, safe in shells and file names.
/// </summary>
public sealed partial record Signature
{
    private const int MaxPartChars = 60;

    public Signature(string check, Cell cell, string @event, string site)
    {
        ArgumentNullException.ThrowIfNull(cell);
        (Check, Event, Site) = (Safe(check), Safe(@event), Safe(site));
        Cell = cell.ToString().Replace('/', '-').ToLowerInvariant();
    }

    private Signature(string[] parts) => (Check, Event, Site, Cell) = (parts[0], parts[1], parts[2], parts[3]);

    /// <summary>The check that failed: <c>digest</c>, <c>trace-fp</c>, <c>crash</c>, <c>compile</c> …</summary>
    public string Check { get; }

    /// <summary>The cell's name.</summary>
    public string Cell { get; }

    /// <summary>For logs the first event that differs; otherwise how the check failed.</summary>
    public string Event { get; }

    /// <summary>Coarse class of the place.</summary>
    public string Site { get; }

    public override string ToString() => $"{Check}.{Event}.{Site}.{Cell}";

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Signature? signature)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split('.');
        signature = parts.Length == 4 && parts.All(p => p.Length > 0) ? new Signature(parts) : null;
        return signature is not null;
    }

    /// <summary>
    /// Lower-case letters and single dashes. Numbers, in hexadecimal too, are dropped with everything else, so that
    /// addresses, counts and lines do not make two of one.
    /// </summary>
    internal static string Safe(string text)
    {
        var safe = new StringBuilder();
        foreach (var c in Number().Replace(text, " "))
        {
            if (safe.Length == MaxPartChars)
            {
                break;
            }

            if (char.IsAsciiLetter(c))
            {
                safe.Append(char.ToLowerInvariant(c));
            }
            else if (safe.Length > 0 && safe[^1] != '-')
            {
                safe.Append('-');
            }
        }

        var trimmed = safe.ToString().Trim('-');
        return trimmed.Length == 0 ? "none" : trimmed;
    }

    /// <summary>A name's words: <c>wrong-cfa</c>.</summary>
    internal static string Dashed(Enum name) => Words().Replace(name.ToString(), "-$0").ToLowerInvariant();

    [GeneratedRegex("(?<=[a-z])[A-Z]")]
    private static partial Regex Words();

    [GeneratedRegex("0x[0-9a-fA-F]+|[0-9]+")]
    private static partial Regex Number();
}
