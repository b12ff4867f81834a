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

    /// <summary>The check that failed: <c>digest</c>, <c>trace-fp</c>, <c>crash</c>, <c>compile</c> …</summary>
    public string Check { get; }

    /// <summary>The cell's name.</summary>
    public string Cell { get; }

    /// <summary>For logs the first event that differs; otherwise how the check failed.</summary>
    public string Event { get; }

    /// <summary>Coarse class of the place.</summary>
    public string Site { get; }

    public override string ToString() => $"{Check}.{Event}.{Site}.{Cell}";

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

    [GeneratedRegex("0x[0-9a-fA-F]+|[0-9]+")]
    private static partial Regex Number();
}
