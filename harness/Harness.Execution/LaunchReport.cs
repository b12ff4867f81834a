using System.Globalization;

namespace Harness.Execution;

/// <summary>
/// The launcher's last line on standard error, <c>@launch TAG exit 3 user=US system=US rss=KIB</c>,
/// <c>… signal 11 …</c>, <c>… failed REASON</c> or <c>… killed</c>. The tag is ours, so a child cannot forge it by
/// accident.
/// </summary>
internal sealed record LaunchReport(int? ExitCode, int? Signal, string? Failure, ProcessUsage? Usage)
{
    private const string Marker = "@launch ";

    public static LaunchReport? Parse(string tail, string tag)
    {
        var at = Find(tail, tag);
        if (at < 0)
        {
            return null;
        }

        var words = tail[at..].TrimEnd('\n').Split(' ');
        return words switch
        {
            [_, _, "exit", var code, var user, var system, var rss] =>
                new(Number(code), null, null, Accounted(user, system, rss)),
            [_, _, "signal", var signal, var user, var system, var rss] =>
                new(null, Number(signal), null, Accounted(user, system, rss)),
            [_, _, "failed", .. var reason] => new(null, null, string.Join(' ', reason), null),
            _ => null,
        };
    }

    /// <summary>What the child itself wrote.</summary>
    public static string Strip(string stderr, string tag)
    {
        var at = Find(stderr, tag);
        return at < 0 ? stderr : stderr[..at].TrimEnd('\n');
    }

    private static int Find(string text, string tag) => text.LastIndexOf(Marker + tag + " ", StringComparison.Ordinal);

    private static int? Number(string word) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static ProcessUsage? Accounted(string user, string system, string rss) =>
        (Field(user, "user="), Field(system, "system="), Field(rss, "rss=")) is ({ } u, { } s, { } r)
            ? new ProcessUsage(TimeSpan.FromMicroseconds(u), TimeSpan.FromMicroseconds(s), r << 10)
            : null;

    private static long? Field(string word, string prefix) =>
        word.StartsWith(prefix, StringComparison.Ordinal)
        && long.TryParse(word.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
}
