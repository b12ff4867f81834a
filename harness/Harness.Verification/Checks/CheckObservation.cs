using System.Collections.Immutable;
using System.Globalization;
using Harness.Verification.TestFiles;

namespace Harness.Verification.Checks;

/// <summary>What of a run is compared, in the order in which differences are told: what is likelier the cause comes first.</summary>
public enum CheckAspect
{
    /// <summary>It returned, failed, panicked, ended the process, or did not end.</summary>
    Outcome,

    /// <summary>Canaries, poison, segments, registers and the limit: the stack itself.</summary>
    Stack,

    /// <summary>Events, resources taken and given back, probes and faults, in order.</summary>
    Events,

    /// <summary>Resources that are left.</summary>
    Resources,

    Allocations,
    Traces,
    ErrorTraces,
    Output,
    Errors,

    /// <summary>How much there was beyond what the log holds.</summary>
    Extent,
}

/// <summary>Stack traces of a program's.</summary>
/// <param name="Taken">Along frame pointers.</param>
/// <param name="Walked">Where std.debug was asked as well, which goes by call frame information alone.</param>
public readonly record struct CheckTraces(long Taken, long Walked)
{
    public static CheckTraces operator +(CheckTraces a, CheckTraces b) => new(a.Taken + b.Taken, a.Walked + b.Walked);
}

/// <summary>What a run did, in words that do not depend on where the program's code lies.</summary>
public sealed class CheckObservation
{
    private readonly ImmutableDictionary<CheckAspect, ImmutableArray<string>> _lines;

    private CheckObservation(ImmutableDictionary<CheckAspect, ImmutableArray<string>> lines, ImmutableArray<CheckDelivery> delivered, CheckTraces taken)
    {
        _lines = lines;
        Delivered = delivered;
        Taken = taken;
    }

    /// <summary>What checkpoints returned.</summary>
    public ImmutableArray<CheckDelivery> Delivered { get; }

    /// <summary>How many traces there are, and how often std.debug was asked as well.</summary>
    public CheckTraces Taken { get; }

    public ImmutableArray<string> this[CheckAspect aspect] => _lines.GetValueOrDefault(aspect, []);

    /// <summary>In one line: <c>returned</c>, <c>error Injected</c>, …</summary>
    public string Outcome => string.Join("; ", this[CheckAspect.Outcome]);

    public bool IsHung => Outcome == "hung";

    /// <summary>It wrote more than it may.</summary>
    public bool IsCut => Outcome.StartsWith("output-cap", StringComparison.Ordinal);

    /// <summary>The entry came back, by value or error: everything that it took must be given back. (A panic runs no defer.)</summary>
    public bool IsUnwound => Outcome is "returned" || Outcome.StartsWith("value ", StringComparison.Ordinal) || Outcome.StartsWith("error ", StringComparison.Ordinal);

    /// <param name="details">As the host wrote them.</param>
    /// <param name="frames">Names the functions at return addresses.</param>
    /// <exception cref="InvalidDataException">No details of the host's.</exception>
    public static CheckObservation Of(IEnumerable<string> details, CheckFrames frames, long dropped)
    {
        var lines = new Dictionary<CheckAspect, List<string>>();
        var delivered = ImmutableArray.CreateBuilder<CheckDelivery>();
        var taken = new CheckTraces(0, 0);
        foreach (var detail in details)
        {
            var words = detail.Split(' ');
            var (aspect, text) = Read(detail, words, frames);
            Add(aspect, text);
            taken += new CheckTraces(words[0] == "trace" ? 1 : 0, words is ["dwarf", "alike"] or ["dwarf-stubs", ..] ? 1 : 0);
            if (words is ["delivered", var checkpoint, var code])
            {
                delivered.Add(CheckDelivery.Parse($"{checkpoint}:{code}"));
            }
        }

        if (dropped > 0)
        {
            Add(CheckAspect.Extent, string.Create(CultureInfo.InvariantCulture, $"{dropped} more"));
        }

        return new(lines.ToImmutableDictionary(pair => pair.Key, pair => pair.Value.ToImmutableArray()), delivered.ToImmutable(), taken);

        void Add(CheckAspect aspect, string text)
        {
            if (!lines.TryGetValue(aspect, out var list))
            {
                lines.Add(aspect, list = []);
            }

            list.Add(text);
        }
    }

    private static (CheckAspect Aspect, string Text) Read(string detail, string[] words, CheckFrames frames)
    {
        try
        {
            return words switch
            {
                ["end", .. var rest] => (CheckAspect.Outcome, Words(rest)),
                ["stack", .. var rest] => (CheckAspect.Stack, Words(rest)),
                ["event", var value, var name] => (CheckAspect.Events, $"event {EscapedWord.Plain(name)} {value}"),
                ["acquired" or "released" or "released-wrongly" or "probe" or "delivered", ..] => (CheckAspect.Events, Words(words)),
                ["left", .. var rest] => (CheckAspect.Resources, Words(rest)),
                ["allocated" or "refused" or "resized" or "freed" or "freed-wrongly" or "resized-wrongly" or "unfreed", ..] => (CheckAspect.Allocations, detail),
                ["trace", .. var addresses] => (CheckAspect.Traces, frames.Describe(addresses)),
                ["dwarf", "alike" or "unasked"] => (CheckAspect.Traces, $"std.debug: {words[1]}"),
                ["dwarf-stubs", var count] => (CheckAspect.Traces, $"std.debug: otherwise than frame pointers, through {count} stubs"),
                ["dwarf", .. var addresses] => (CheckAspect.Traces, $"std.debug: {frames.Describe(addresses)}"),
                ["errors", .. var addresses] => (CheckAspect.ErrorTraces, frames.Describe(addresses)),
                ["errors-noted", var count] => (CheckAspect.ErrorTraces, $"{count} noted"),
                ["out" or "out-all", ..] => (CheckAspect.Output, words[0] == "out" ? EscapedWord.Plain(words[1]) : detail),
                ["err" or "err-all", ..] => (CheckAspect.Errors, words[0] == "err" ? EscapedWord.Plain(words[1]) : detail),
                _ => throw new InvalidDataException($"not a detail of the host: {detail}"),
            };
        }
        catch (Exception e) when (e is FormatException or OverflowException or IndexOutOfRangeException)
        {
            throw new InvalidDataException($"not a detail of the host: {detail}", e);
        }
    }

    private static string Words(string[] words) => string.Join(' ', words.Select(EscapedWord.Plain));
}
