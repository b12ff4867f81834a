using System.Globalization;
using System.Text.RegularExpressions;

namespace Harness.Cli;

/// <summary>Durations as people write them: <c>60s</c>, <c>10m</c>, <c>8h</c>, <c>1h30m</c>, <c>2d</c>.</summary>
public static partial class Budget
{
    private static readonly TimeSpan _longest = TimeSpan.FromDays(30);

    /// <exception cref="UsageException"/>
    public static TimeSpan Parse(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success || text.Length == 0)
        {
            throw new UsageException($"'{text}' is not a time; write it like 60s, 10m, 8h or 1h30m");
        }

        var seconds = Part(match, "d") * 86400 + Part(match, "h") * 3600 + Part(match, "m") * 60 + Part(match, "s");
        return seconds switch
        {
            <= 0 => throw new UsageException($"'{text}' is no time at all; give at least 1s"),
            _ when seconds > _longest.TotalSeconds => throw new UsageException($"'{text}' is more than {_longest.TotalDays} days; give less"),
            _ => TimeSpan.FromSeconds(seconds),
        };
    }

    private static double Part(Match match, string unit) =>
        match.Groups[unit] is { Success: true, Value: var number } ? double.Parse(number, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?:(?<d>\d{1,6}(?:\.\d+)?)d)?(?:(?<h>\d{1,6}(?:\.\d+)?)h)?(?:(?<m>\d{1,7}(?:\.\d+)?)m)?(?:(?<s>\d{1,9}(?:\.\d+)?)s)?$")]
    private static partial Regex Pattern();
}
