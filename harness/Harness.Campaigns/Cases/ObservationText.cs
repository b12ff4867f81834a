using System.Globalization;
using System.Text;
using Harness.Execution;
using Harness.Model;
using Harness.Verification;

namespace Harness.Campaigns;

/// <summary>An observation as two texts that can be laid side by side: what must happen, what was seen.</summary>
public static class ObservationText
{
    public static (string Expected, string Observed) Of(Observation observation)
    {
        var expected = new StringBuilder();
        var observed = new StringBuilder();
        // The logs first: a difference there says more than the check's own words. Not when the process died: then one side just ends.
        if (observation.Crash is not null)
        {
            Rest(observation, expected, observed);
            // Both logs start on the same line.
            expected.Append('\n', Lines(observed) - Lines(expected));
        }

        if (observation.Events is { } events)
        {
            Events(events, expected, observed);
        }

        if (observation.Chain is { } chain)
        {
            Chain(chain, expected, observed);
        }

        if (observation.Crash is null)
        {
            Rest(observation, expected, observed);
        }

        return (expected.ToString(), observed.ToString());
    }

    private static int Lines(StringBuilder text) => text.ToString().AsSpan().Count('\n');

    private static void Events(EventComparison events, StringBuilder expected, StringBuilder observed)
    {
        var heading = $"fiber {events.Fiber}, from event {events.Offset}\n";
        expected.Append(heading);
        observed.Append(heading);
        Log(events.Expected, expected);
        Log(events.Observed, observed);
    }

    private static void Log(EquatableArray<Event> events, StringBuilder text)
    {
        foreach (var e in events)
        {
            text.Append("  ").Append(EventText.Of(e)).Append('\n');
        }
    }

    private static void Chain(ChainComparison chain, StringBuilder expected, StringBuilder observed)
    {
        var place = chain.Site < 0 ? "where it panicked or trapped" : $"probe site {chain.Site}, number {chain.Ordinal}";
        var (which, order) = chain.Observer is Observer.Errors
            ? ("error return trace", "oldest first")
            : ($"trace by {chain.Observer.ToString().ToLowerInvariant()}", "innermost first");
        var heading = $"{which}, fiber {chain.Fiber}, {place}, {order}\n";
        expected.Append(heading);
        observed.Append(heading);
        Frames(chain.Expected, expected);
        Frames(chain.Observed, observed);
        expected.Append("  end: clean\n");
        observed.Append(CultureInfo.InvariantCulture, $"  end: {chain.End}; {chain.Fault} at frame {chain.FirstDifference}\n");
    }

    private static void Frames(EquatableArray<string> frames, StringBuilder text)
    {
        foreach (var frame in frames)
        {
            text.Append("  ").Append(frame).Append('\n');
        }
    }

    private static void Rest(Observation observation, StringBuilder expected, StringBuilder observed)
    {
        expected.Append($"check {observation.Check}: passes\n");
        observed.Append($"check {observation.Check}: fails; {observation.Detail}\n");
        if (observation.Crash is { } crash)
        {
            observed.Append(CultureInfo.InvariantCulture, $"{crash.Kind} at pc {crash.Pc:x} in {crash.Place}, address {crash.Address:x}\n");
        }

        if (observation.AlsoFailed.Count > 0)
        {
            observed.Append($"also failed: {string.Join(", ", observation.AlsoFailed)}\n");
        }

        if (!observation.Recorded)
        {
            observed.Append("(not recorded: the execution did not fail when it was run again to be recorded)\n");
        }

        if (observation.Output is { Length: > 0 } output)
        {
            observed.Append(output.TrimEnd('\n')).Append('\n');
        }
    }
}
