using Harness.Tests;
using Harness.Toolchain.Compat;
using Harness.Verification.Abi;
using Harness.Verification.Observations;

namespace Harness.Verification.Tests.Abi;

/// <summary>What the harness relies on or works around is as it was: in a supported release each observation comes to what is expected of it.</summary>
public sealed class ObservationTests : IDisposable
{
    /// <summary>More is asked of this one by HiddenReturnTests.</summary>
    private const string Elsewhere = "hidden-return";

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [ZigFact(Timeout = 300_000)]
    public async Task Every_observation_is_as_expected_of_this_release()
    {
        var lab = new ObservationLab(Tools.Fixtures, Tools.Cache, await Tools.Cache.ProcessesAsync(CancellationToken.None));
        var fingerprint = AbiJson.Read(File.ReadAllText(Path.Combine(Tools.Repository, "results", "gates", "zig-0.16.0.abi.json")));
        var observed = await lab.ObserveAsync(fingerprint, _scratch.Path, CancellationToken.None, [.. ObservationLab.Names.Where(name => name != Elsewhere)]);
        Assert.Equal(ObservationLab.Names.Count - 1, observed.Length);
        Assert.All(observed, one => Assert.Equal(ZigRelease.Expected("0.16.0", one.Name), one.Measured));
        Assert.All(ObservationLab.Names, name => Assert.NotNull(ZigRelease.Expected("0.16.0", name)));
    }

    [Fact]
    public void Nothing_is_expected_of_a_release_that_nobody_looked_at()
    {
        Assert.Null(new ReleaseFact("split-varargs", "", "compiles").IsExpected("0.17.0"));
        Assert.False(new ReleaseFact("split-varargs", "", "compiles").IsExpected("0.16.1"));
    }

    [Fact]
    public void Without_a_fingerprint_a_departure_cannot_be_observed() => Assert.StartsWith("could not be observed", ObservationLab.Departures(null), StringComparison.Ordinal);
}
