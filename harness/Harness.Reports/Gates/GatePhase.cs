using System.Collections.Immutable;

namespace Harness.Reports.Gates;

/// <summary>A part of the gate. What a phase finds is written when it ends; the next one begins only then.</summary>
public abstract record GatePhase
{
    private GatePhase()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>In files and tables; never changed, as baselines have it.</summary>
    public abstract string Name { get; }

    /// <summary>In a few words, for people.</summary>
    public abstract string Title { get; }

    /// <summary>Its part of the budget; of all phases together 1.</summary>
    public abstract double Share { get; }

    /// <summary>Small files of Zig, from trivial on, then everything that workers are made of.</summary>
    public sealed record Ladder : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "ladder";

        public override string Title => "what the harness is made of compiles";

        public override double Share => 0.03;
    }

    public sealed record Conventions : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "conventions";

        public override string Title => "calling conventions, measured";

        public override double Share => 0.03;
    }

    public sealed record Observations : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "observations";

        public override string Title => "facts that the harness relies on or works around";

        public override double Share => 0.02;
    }

    public sealed record SmallPrograms : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "exhaustive";

        public override string Title => "every small program, every set of splits, every fault";

        public override double Share => 0.06;
    }

    /// <summary>Stored cases come first in it.</summary>
    public sealed record Campaign : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "campaign";

        public override string Title => "stored cases and random programs in every cell";

        public override double Share => 0.20;
    }

    public sealed record Stepping : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "stepping";

        public override string Title => "unwind rows at every instruction of runs";

        public override double Share => 0.04;
    }

    public sealed record LibraryTests : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "library";

        public override string Title => "the library's own tests, split";

        public override double Share => 0.42;
    }

    public sealed record Mutation : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "mutation";

        public override string Title => "planted defects that the checker finds";

        public override double Share => 0.14;
    }

    public sealed record RuntimeFigures : GatePhase
    {
        internal override int Seal => 0;

        public override string Name => "runtime";

        public override string Title => "figures of the split-stack runtime";

        public override double Share => 0.06;
    }

    /// <summary>In the order in which they run.</summary>
    public static ImmutableArray<GatePhase> All { get; } =
        [new Ladder(), new Conventions(), new Observations(), new SmallPrograms(), new Campaign(), new Stepping(), new LibraryTests(), new Mutation(), new RuntimeFigures()];
}
