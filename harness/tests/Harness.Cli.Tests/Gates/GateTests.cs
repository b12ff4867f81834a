using System.Collections.Immutable;
using Harness.Cli.Gates;
using Harness.Reports;
using Harness.Reports.Gates;
using Harness.Toolchain.Compat;
using Harness.Verification.Abi;
using Harness.Verification.Observations;

namespace Harness.Cli.Tests.Gates;

/// <summary><c>gate</c> from the command line: over rooms without a compiler, and with compilers that are none.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class GateTests : IDisposable
{
    private readonly Cli _cli = new();

    public GateTests() => _cli.Rooms.Gate = new FakeTools(_cli.Rooms);

    public void Dispose() => _cli.Dispose();

    private FakeTools Tools => (FakeTools)_cli.Rooms.Gate!;

    private Task<int> GateAsync(params string[] arguments) => _cli.RunAsync(["gate", "--results", _cli.PathOf("results"), "--budget", "1s", .. arguments]);

    private string Stored(string name) => _cli.PathOf(Path.Combine("results", "gates", name));

    [Theory]
    [InlineData("no phase; known: ladder, conventions", "--only", "everything")]
    [InlineData("neither a file nor a version", "--baseline", "0.15.0")]
    [InlineData("not a time", "--budget", "soon")]
    public async Task A_request_that_cannot_be_meant_is_refused(string complaint, params string[] arguments)
    {
        Assert.Equal(ExitCodes.Usage, await _cli.RunAsync(["gate", "--results", _cli.PathOf("results"), .. arguments]));
        Assert.Contains(complaint, _cli.Error, StringComparison.Ordinal);
        Assert.Single(_cli.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_release_that_lacks_a_construct_is_unsupported_by_its_name()
    {
        Tools.Ladder = new LadderOutcome.Unsupported("callconv(.c) (zig-fixtures/compat/03_conventions.zig)", "error: no field named 'c'");
        Assert.Equal(ExitCodes.Environment, await GateAsync());
        Assert.StartsWith("UNSUPPORTED: Zig 0.16.0 does not compile callconv(.c) (zig-fixtures/compat/03_conventions.zig): error: no field named 'c'", _cli.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(Stored("zig-0.16.0.json")));
    }

    [Fact]
    public async Task Changed_conventions_are_told_against_the_nearest_older_gate()
    {
        var older = new GateResult(GateResult.CurrentSchema, "0.15.2", "x", DateTimeOffset.UnixEpoch, 1, [new GatePhaseResult("conventions", GateStatus.Finished, 1, "", [], [], [])]);
        GateStore.Write(Stored("zig-0.15.2.json"), older.ToJson());
        GateStore.Write(Stored("zig-0.17.0.json"), (older with { Zig = "0.17.0" }).ToJson());
        GateStore.Write(Stored("zig-0.15.2.abi.json"), AbiJson.Write(FakeTools.Fingerprint("yes") with { Zig = "0.15.2" }));
        Assert.Equal(ExitCodes.Inconclusive, await GateAsync("--only", "ladder,conventions"));
        Assert.Contains("Against the gate of Zig 0.15.2", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("| new | conventions change | r9 is no longer preserved by `.auto` on the self-hosted backend (Debug)", _cli.Out, StringComparison.Ordinal);
        Assert.Contains("not stored", _cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_observation_that_is_not_as_expected_is_told()
    {
        Assert.Equal(ExitCodes.Inconclusive, await GateAsync("--only", "observations"));
        Assert.Contains("| no baseline | observations change | split-varargs: compiles: expected: fatal error in LLVM", _cli.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("observations change | split-alloca-compare", _cli.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gate_that_was_cut_off_goes_on_behind_what_it_finished()
    {
        await GateAsync("--only", "ladder,conventions");
        Assert.True(File.Exists(Stored("zig-0.16.0.parts/1-ladder.json")));
        Assert.Equal(1, Tools.Climbed);
        File.WriteAllText(Stored("zig-0.16.0.parts/2-conventions.json"), "{ torn");
        await GateAsync("--only", "ladder,conventions", "--resume");
        Assert.Equal((1, 2), (Tools.Climbed, Tools.Measured));
    }

    /// <summary>Everything, over fakes: verbs that work are read, those that need a real compiler are phases that failed, and the whole is stored.</summary>
    [Fact]
    public async Task A_whole_gate_is_stored_with_its_fingerprint()
    {
        Assert.Equal(ExitCodes.Environment, await GateAsync());
        var gate = GateResult.Read(File.ReadAllText(Stored("zig-0.16.0.json")));
        Assert.Equal(GatePhase.All.Select(phase => phase.Name), gate.Phases.Select(part => part.Phase));
        Assert.Equal(GateStatus.Failed, gate.Phases.Single(part => part.Phase == "stepping").Status);
        Assert.NotEqual("0", gate.Phases.Single(part => part.Phase == "campaign").Figures.First(figure => figure.Name == "programs").Value);
        Assert.Equal(_cli.Out, File.ReadAllText(Stored("zig-0.16.0.md")));
        Assert.Empty(AbiComparison.Differences(FakeTools.Fingerprint("no"), AbiJson.Read(File.ReadAllText(Stored("zig-0.16.0.abi.json")))));
    }

    public static TheoryData<string, string> NoCompilers { get; } = new()
    {
        { "exit 1", "BROKEN: " },
        { "head -c 2000 /dev/urandom", "BROKEN: " },
        { "kill -SEGV $$", "BROKEN: " },
        // Says its version, and nothing else.
        { "[ \"$1\" = version ] && echo 0.16.0; exit 0", "BROKEN: Zig 0.16.0, compiling an exported function (zig-fixtures/compat/01_export.zig): it says that it is done, and wrote nothing" },
        { "[ \"$1\" = version ] && echo 0.16.0 && exit; echo 'unit.zig:1:1: error: no such thing' >&2; exit 1", "UNSUPPORTED: Zig 0.16.0 does not compile an exported function (zig-fixtures/compat/01_export.zig): unit.zig:1:1: error: no such thing" },
        { "[ \"$1\" = version ] && echo 0.16.0 && exit; kill -SEGV $$", "BROKEN: Zig 0.16.0, compiling an exported function (zig-fixtures/compat/01_export.zig): it crashes: signal 11" },
        { "[ \"$1\" = version ] && echo 0.16.0 && exit; [ -e \"$0.once\" ] && exit 0; touch \"$0.once\"; kill -SEGV $$", "BROKEN: Zig 0.16.0, compiling an exported function (zig-fixtures/compat/01_export.zig): it crashes now and then: signal 11" },
    };

    [Theory]
    [MemberData(nameof(NoCompilers))]
    public async Task What_is_no_compiler_is_said_to_be_broken_or_unsupported(string script, string verdict)
    {
        var zig = _cli.PathOf("zig");
        File.WriteAllText(zig, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(zig, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        Directory.CreateDirectory(_cli.PathOf("lib/std"));
        File.WriteAllText(_cli.PathOf("lib/std/std.zig"), "");
        _cli.Rooms.Gate = await new RealRooms().OpenGateAsync(Repository.Root(), zig, CancellationToken.None);
        Assert.Equal(ExitCodes.Environment, await GateAsync());
        Assert.StartsWith(verdict, _cli.Out, StringComparison.Ordinal);
        Assert.Single(_cli.Out.TrimEnd().Split('\n'));
        Assert.DoesNotContain("   at ", _cli.Out + _cli.Error, StringComparison.Ordinal);
    }

    /// <summary>A compiler that passes, and what it did.</summary>
    private sealed class FakeTools(IRoomOpener rooms) : IGateTools
    {
        public LadderOutcome Ladder { get; set; } = new LadderOutcome.Climbed(3);

        public int Climbed { get; private set; }

        public int Measured { get; private set; }

        public string? Version => "0.16.0";

        public string Problem => "";

        public IRoomOpener Rooms => rooms;

        public static AbiFingerprint Fingerprint(string preserved) => new("0.16.0", [new AbiCellFacts("selfhosted/Debug", null, [new AbiFact(AbiTopic.Preserves, ".auto", "r9", preserved)])]);

        public Task<LadderOutcome> ClimbAsync(string directory, Action<string> onRung, CancellationToken ct)
        {
            Climbed++;
            return Task.FromResult(Ladder);
        }

        public Task<AbiFingerprint> MeasureAsync(string directory, Action<AbiCellFacts> onCell, CancellationToken ct)
        {
            Measured++;
            return Task.FromResult(Fingerprint("no"));
        }

        public Task<ImmutableArray<ReleaseFact>> ObserveAsync(AbiFingerprint? fingerprint, string directory, CancellationToken ct) =>
            Task.FromResult<ImmutableArray<ReleaseFact>>([new ReleaseFact("split-varargs", "varargs", "compiles"), new ReleaseFact("split-alloca-compare", "comparison", "signed")]);
    }
}
