using System.Globalization;
using Harness.Model;

namespace Harness.Verification.Checks;

/// <summary>What goes wrong in a run of a user's program; <see cref="object.ToString"/> is the word that check_plan.zig reads. A closed family.</summary>
public abstract record CheckFault
{
    private CheckFault()
    {
    }

    /// <summary>What a checkpoint returns in place of an error: it panics.</summary>
    public const int PanicCode = 1;

    internal abstract int Seal { get; }

    public sealed record None : CheckFault
    {
        internal override int Seal => 0;

        public override string ToString() => "none";
    }

    /// <summary>These checkpoints, numbered from 1 in the order in which they are reached, fail; the codes are <see cref="ErrorName"/>'s, or <see cref="PanicCode"/>.</summary>
    public sealed record Deliver(EquatableArray<CheckDelivery> Deliveries) : CheckFault
    {
        internal override int Seal => 0;

        public static Deliver At(long checkpoint, int code) => new([new CheckDelivery(checkpoint, code)]);

        public override string ToString() => $"deliver@{string.Join(',', Deliveries)}";
    }

    /// <summary>At this checkpoint the runtime has a cancellation for the fiber. Split runs only.</summary>
    public sealed record Cancel(long Checkpoint) : CheckFault
    {
        internal override int Seal => 0;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"cancel@{Checkpoint}");
    }

    /// <summary>From this checkpoint on the fiber may have no more stack than it has: the next split is beyond its budget. Split runs only.</summary>
    public sealed record Overflow(long Checkpoint) : CheckFault
    {
        internal override int Seal => 0;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"overflow@{Checkpoint}");
    }

    /// <summary>This allocation, numbered from 1, is refused.</summary>
    public sealed record Allocation(long Number) : CheckFault
    {
        internal override int Seal => 0;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"alloc@{Number}");
    }

    /// <exception cref="FormatException">Not a word that <see cref="ToString"/> writes.</exception>
    public static CheckFault Parse(string word) => word.Split('@') switch
    {
        ["none"] => new None(),
        ["deliver", var list] => new Deliver(list.Split(',').Select(CheckDelivery.Parse).ToEquatableArray()),
        ["cancel", var k] => new Cancel(CheckPlan.Number(k)),
        ["overflow", var k] => new Overflow(CheckPlan.Number(k)),
        ["alloc", var k] => new Allocation(CheckPlan.Number(k)),
        _ => throw new FormatException($"{word} is no fault"),
    };
}

/// <summary>The checkpoint returned the error with this code, or panicked.</summary>
public readonly record struct CheckDelivery(long Checkpoint, int Code)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Checkpoint}:{Code}");

    internal static CheckDelivery Parse(string text) => text.Split(':') is [var checkpoint, var code]
        ? new(CheckPlan.Number(checkpoint), (int)Math.Min(CheckPlan.Number(code), int.MaxValue))
        : throw new FormatException($"{text} is no delivery");
}

/// <summary>Where a run's stack splits; <see cref="object.ToString"/> is the word that check_plan.zig reads. A closed family.</summary>
public abstract record CheckSplits
{
    private CheckSplits()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>No fiber: on the stack of the program's thread. What unsplit builds are run with.</summary>
    public sealed record Plain : CheckSplits
    {
        internal override int Seal => 0;

        public override string ToString() => "plain";
    }

    /// <summary>In a fiber with room for everything; its prologues are counted.</summary>
    public sealed record Fiber : CheckSplits
    {
        internal override int Seal => 0;

        public override string ToString() => "fiber";
    }

    /// <summary>Every N-th prologue; 1: all of them.</summary>
    public sealed record Nth(long N) : CheckSplits
    {
        internal override int Seal => 0;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"nth@{N}");
    }

    /// <summary>These prologues, numbered from 1 in the order in which they are executed.</summary>
    public sealed record At(EquatableArray<long> Prologues) : CheckSplits
    {
        internal override int Seal => 0;

        public override string ToString() => $"at@{string.Join(',', Prologues.Select(p => p.ToString(CultureInfo.InvariantCulture)))}";
    }

    /// <exception cref="FormatException">Not a word that <see cref="ToString"/> writes.</exception>
    public static CheckSplits Parse(string word) => word.Split('@') switch
    {
        ["plain"] => new Plain(),
        ["fiber"] => new Fiber(),
        ["nth", var n] => new Nth(CheckPlan.Number(n)),
        ["at", var list] when list.Split(',').Select(CheckPlan.Number).ToEquatableArray() is var numbers && numbers.Zip(numbers.Skip(1), (a, b) => a < b).All(ok => ok) =>
            new At(numbers),
        _ => throw new FormatException($"{word} is no set of splits"),
    };
}

/// <summary>Where segments lie and what happens to released ones (check_plan.zig), the simplest first.</summary>
public enum CheckMemory
{
    /// <summary>Each below the one before it; a released one's memory is the next one's.</summary>
    Descending,

    /// <summary>Each above the one before it; poisoned when it is released.</summary>
    Ascending,

    /// <summary>Above and below in turns; some fault when they are touched after their release.</summary>
    Interleaved,

    /// <summary>The product's own memory.</summary>
    Pool,

    /// <summary>Descending; a released segment is kept as its parent's next child.</summary>
    Kept,
}

/// <summary>One way to run a user's program. <see cref="ToString"/> is what check_plan.zig reads behind a number.</summary>
public sealed record CheckPlan(CheckFault Fault, CheckSplits Splits, CheckMemory Memory = CheckMemory.Descending)
{
    /// <summary>As many numbers as check_plan.zig has room for.</summary>
    public const int MaxListed = 4096;

    public static CheckPlan Plain(CheckFault fault) => new(fault, new CheckSplits.Plain());

    public override string ToString() => $"{Fault} {Splits} {Memory.ToString().ToLowerInvariant()}";

    /// <summary>The plan of which <see cref="ToString"/> is <paramref name="text"/>.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public static CheckPlan Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Split(' ') is not [var fault, var splits, var memory] || !Enum.TryParse<CheckMemory>(memory, ignoreCase: true, out var where))
        {
            throw new FormatException($"{text} is no plan");
        }

        var plan = new CheckPlan(CheckFault.Parse(fault), CheckSplits.Parse(splits), where);
        var isShort = plan is not { Splits: CheckSplits.At { Prologues.Count: > MaxListed } } and not { Fault: CheckFault.Deliver { Deliveries.Count: > MaxListed } };
        return isShort && plan.ToString() == text ? plan : throw new FormatException($"{text} is no plan");
    }

    /// <summary>From 1.</summary>
    /// <exception cref="FormatException">None.</exception>
    internal static long Number(string word) =>
        long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is >= 1 and < 1L << 62 ? value : throw new FormatException($"{word} is no number");
}
