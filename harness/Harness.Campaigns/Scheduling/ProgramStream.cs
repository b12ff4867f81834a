using Harness.Generators.Exhaustive;
using Harness.Model;

namespace Harness.Campaigns;

/// <summary>
/// The endless stream of programs that a seed stands for. Each recipe is a pure function of the seed and the ordinal, so
/// any partition into batches, on any number of cores, in any order, checks the same programs.
/// </summary>
public sealed class ProgramStream
{
    /// <summary>
    /// One in so many programs, the first among them, has every feature; others are steered towards what calls can be made of (<see cref="CoveringSchedule"/>);
    /// the others have a random half of the features each.
    /// </summary>
    private const int Turns = 4;

    /// <summary>The turns that are steered.</summary>
    private const int FirstSteered = 2;
    private const int SteeredPerRound = Turns - FirstSteered;

    /// <summary>Of a run with a corpus, these turns are changes of what was kept; without one they are swarms like others.</summary>
    private const int ChangeEvery = 8;
    private const int ChangeTurn = 5;

    private const int BatchesPerStepped = 12;
    private const int MinSize = 6;
    private const int SizeSpread = 58;

    private readonly ulong _seed;
    private readonly string? _profile;
    private readonly IProgramSource _source;
    private readonly Shards _shard;
    private readonly Lazy<CoveringSchedule> _schedule;
    private readonly Func<long, string?> _parentOf;

    /// <param name="profile">A named profile for every program; null draws a swarm profile for most.</param>
    /// <param name="shard">One part of the stream, whose programs then are the stream; null: all of it.</param>
    /// <param name="corpus">Programs to change, as <see cref="IProgramSource.Kept"/> names them.</param>
    public ProgramStream(ulong seed, string? profile, IProgramSource source, Shards? shard = null, IReadOnlyList<string>? corpus = null)
    {
        _parentOf = corpus is not { Count: > 0 } || profile is not null
            ? _ => null
            : ordinal => ordinal % ChangeEvery == ChangeTurn ? corpus[(int)(Derive((ulong)ordinal, stream: 5) % (ulong)corpus.Count)] : null;
        _shard = shard ?? Shards.Whole;
        _seed = seed;
        _profile = profile;
        _source = source;
        _schedule = new Lazy<CoveringSchedule>(() => new CoveringSchedule(seed));
    }

    /// <summary>The stream of a batch that a case was found in.</summary>
    public static ProgramStream Of(BatchOrigin origin, IProgramSource source)
    {
        ArgumentNullException.ThrowIfNull(origin);
        var stream = new ProgramStream(origin.Seed, origin.Profile, source);
        if (origin.Kept is not { } kept)
        {
            return stream;
        }

        var changed = Ordinals(origin.Start, origin.Count, origin.Stride).Where(ordinal => ordinal % ChangeEvery == ChangeTurn).Zip(kept).ToDictionary(pair => pair.First, pair => pair.Second);
        return new ProgramStream(stream, ordinal => changed.GetValueOrDefault(ordinal));
    }

    private ProgramStream(ProgramStream other, Func<long, string?> parentOf)
    {
        (_seed, _profile, _source, _shard, _schedule) = (other._seed, other._profile, other._source, other._shard, other._schedule);
        _parentOf = parentOf;
    }

    public ulong Seed => _seed;

    /// <summary>The part of the stream that this is.</summary>
    public Shards Shard => _shard;

    /// <summary>From one program to the next one of a batch, in ordinals of the whole stream.</summary>
    public int Stride => _shard.Count;

    /// <summary>The place in the whole stream of what is the <paramref name="local"/>-th program here.</summary>
    public long Ordinal(long local) => _shard.Ordinal(local);

    /// <param name="local">The program's place here.</param>
    public ProgramRecipe Recipe(long local)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(local);
        var ordinal = Ordinal(local);
        var seed = Derive((ulong)ordinal, stream: 1);
        // The smaller of two draws: most programs are small and quick to compile, some are large.
        var draw = Derive((ulong)ordinal, stream: 2);
        var size = MinSize + (int)Math.Min(draw % SizeSpread, (draw >> 32) % SizeSpread);
        return new ProgramRecipe(ordinal, seed, size, _profile ?? (_parentOf(ordinal) is { } kept ? _source.Changed(kept) : Profile(ordinal)));
    }

    /// <summary>The plans of a batch that starts there. Of the first batch of each cell, and of one in some others, a program is stepped through.</summary>
    public PlanChoice Plans(long start, bool light) => new(
        Recipe(start).Seed, light, Exhaustive: SmallScopeProfile.SizeOf(_profile) is not null,
        Stepped: start == 0 || Derive((ulong)start, stream: 4) % BatchesPerStepped == 0);

    public BatchOrigin Origin(WorkItem item, EquatableArray<string> placements) =>
        new(_seed, _profile, placements, Ordinal(item.Start), item.Count, item.Light, Stride)
        {
            Kept = Ordinals(Ordinal(item.Start), item.Count, Stride).Select(_parentOf).OfType<string>().ToEquatableArray() is { Count: > 0 } kept ? kept : null,
        };

    private static IEnumerable<long> Ordinals(long start, int count, int stride) => Enumerable.Range(0, count).Select(i => start + ((long)i * stride));

    private string Profile(long ordinal)
    {
        var swarm = Derive((ulong)ordinal, stream: 3);
        return (ordinal % Turns) switch
        {
            0 => _source.DefaultProfile,
            < FirstSteered => _source.Swarm(swarm),
            var turn => _source.Steered(swarm, _schedule.Value.At((ordinal / Turns * SteeredPerRound) + turn - FirstSteered)),
        };
    }

    private ulong Derive(ulong index, ulong stream) => Mix(Mix(_seed ^ (stream * 0xD1B54A32D192ED03)) ^ index);

    /// <summary>SplitMix64's step: our own, so that a seed means the same on every runtime version.</summary>
    internal static ulong Mix(ulong x)
    {
        unchecked
        {
            x += 0x9E3779B97F4A7C15;
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}
