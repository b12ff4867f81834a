using System.Collections.Immutable;

namespace Harness.Verification.Abi;

/// <summary>A function of the unit and what is done with it: table.zig's <c>Kind</c>.</summary>
public abstract record AbiProbe
{
    private AbiProbe()
    {
    }

    internal abstract int Seal { get; }

    /// <summary>It stores what it is given.</summary>
    public sealed record Receives(AbiSignature Signature) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It calls with values.</summary>
    public sealed record Sends(AbiSignature Signature) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It returns a value.</summary>
    public sealed record Gives(AbiSignature Signature) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It calls and stores what comes back.</summary>
    public sealed record Takes(AbiSignature Signature) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It uses as many registers as it can.</summary>
    public sealed record Holds(AbiConvention Convention, string Body) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It has many values that must survive a call of a function of that convention.</summary>
    public sealed record Keeps(AbiConvention Convention, string Body) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It returns an error, which is noted in the error return trace.</summary>
    public sealed record Traces(string Result) : AbiProbe { internal override int Seal => 0; }

    /// <summary>It calls nothing and has locals in memory.</summary>
    public sealed record Leaf(AbiConvention Convention) : AbiProbe { internal override int Seal => 0; }

    /// <summary>All of them, in the order of the unit: a probe's number is its place here.</summary>
    public static ImmutableArray<AbiProbe> All { get; } =
    [
        .. AbiSignature.WithArguments.SelectMany(signature => (AbiProbe[])[new Receives(signature), new Sends(signature)]),
        .. AbiSignature.WithResults.SelectMany(signature => (AbiProbe[])[new Gives(signature), new Takes(signature)]),
        .. Enum.GetValues<AbiConvention>().SelectMany(convention => (AbiProbe[])
        [
            .. AbiBodies.Holding.Select(body => new Holds(convention, body)), .. AbiBodies.Keeping.Select(body => new Keeps(convention, body)), new Leaf(convention),
        ]),
        new Traces("void"), new Traces("u32"), new Traces("u64"), new Traces("[]const u8"),
    ];

    /// <summary>As table.zig names it; lines begin with it.</summary>
    public string Kind => GetType().Name.ToLowerInvariant();

    /// <summary>What its slots hold.</summary>
    public ImmutableArray<AbiType> Slots => this switch
    {
        Receives receives => receives.Signature.Arguments,
        Sends sends => sends.Signature.Arguments,
        Gives gives => [gives.Signature.Result!],
        Takes takes => [takes.Signature.Result!],
        Keeps => [.. Enumerable.Repeat(AbiType.Named("[4]u64"), AbiBodies.KeptSlots)],
        _ => [],
    };
}
