using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>What a swarm switches off does not appear in its programs.</summary>
public sealed class SwarmTests
{
    /// <summary>Each feature with the labels that only it leads to.</summary>
    private static readonly (Feature Feature, string[] Labels)[] Marks =
    [
        (Feature.GenericFunction, ["function:generic"]),
        (Feature.MethodFunction, ["function:method"]),
        (Feature.CallbackFunction, ["function:callback", "call:callback"]),
        (Feature.NoInline, ["function:noinline"]),
        (Feature.Inlinable, ["function:inlinable"]),
        (Feature.InferredErrors, ["errors:inferred"]),
        (Feature.ExplicitErrors, ["errors:explicit"]),
        (Feature.NeverTailCall, ["call:nevertail"]),
        (Feature.PointerCall, ["call:pointer"]),
        (Feature.HandleTry, ["handling:try"]),
        (Feature.HandleCatchBlock, ["handling:catchblock"]),
        (Feature.HandleCatchSwitch, ["handling:catchswitch"]),
        (Feature.HandleMap, ["handling:map"]),
        (Feature.HandleRethrow, ["handling:rethrow"]),
        (Feature.HandleIfElse, ["handling:ifelse"]),
        (Feature.StackBuffer, ["statement:checkbuffer", "argument:slice of a buffer"]),
        (
            Feature.OverAlignedLocal,
            ["buffer:align 32", "buffer:align 64", "buffer:align 128", "buffer:align 256", "buffer:align 4096"]
        ),
        (Feature.BufferBeyond64K, ["buffer:beyond 64 KiB"]),
        (Feature.BufferNear16K, ["buffer:near 16 KiB"]),
        (Feature.Block, ["block:below a pending defer"]),
        (Feature.Loop, ["statement:loop"]),
        (Feature.Break, ["statement:breakif"]),
        (Feature.Continue, ["statement:continueif"]),
        (Feature.Raise, ["statement:raise"]),
        (Feature.Probe, ["statement:probe"]),
        (Feature.ErrDeferCapture, ["statement:errdefercapture"]),
        (Feature.MutexLock, ["statement:lock"]),
        (Feature.HeapBlock, ["resource:heapblock"]),
        (Feature.TableHandle, ["resource:tablehandle"]),
        (Feature.FileDescriptor, ["resource:filedescriptor"]),
        (Feature.ReleasedByErrDefer, ["released:errdefer", "payload:handle"]),
        (Feature.TypeHandle, ["released:errdefer", "payload:handle"]),
        (Feature.Yield, ["statement:yield"]),
        (Feature.Spawn, ["statement:spawn"]),
        (Feature.Join, ["statement:join"]),
        (Feature.Cancel, ["statement:cancel"]),
        (Feature.DeepRecursion, ["recursion:deep"]),
        (Feature.ManyFibers, ["fibers:5", "fibers:6", "fibers:7", "fibers:8"]),
        (Feature.SpawnedFiber, ["fibers:spawned later"]),
        (Feature.TypeInt128, ["parameter:int to 128", "payload:int to 128"]),
        (Feature.TypeHugeInt, ["parameter:int to 256", "payload:int to 256"]),
        (Feature.TypeFloat16, ["parameter:f16", "payload:f16"]),
        (Feature.TypeFloat80, ["parameter:f80", "payload:f80"]),
        (Feature.TypeFloat128, ["parameter:f128", "payload:f128"]),
        (Feature.TypeVector128, ["parameter:vector 128", "payload:vector 128"]),
        (Feature.TypeVector256, ["parameter:vector 256", "payload:vector 256"]),
        (Feature.TypeVector512, ["parameter:vector 512", "payload:vector 512"]),
        (Feature.TypeOverAligned, ["parameter:align 32", "parameter:align 64", "payload:align 32", "payload:align 64"]),
        (Feature.TypePackedStruct, ["parameter:packed struct", "payload:packed struct"]),
        (Feature.TypeExternStruct, ["parameter:extern struct", "payload:extern struct"]),
        (Feature.TypeUnion, ["parameter:union", "payload:union"]),
        (Feature.TypeSlice, ["parameter:slice", "payload:slice"]),
    ];

    [Fact]
    public void a_feature_that_is_off_is_not_generated()
    {
        var observed = new HashSet<Feature>();
        for (ulong seed = 0; seed < 600; seed++)
        {
            var swarm = Profile.Swarm(seed);
            var labels = ProgramLabels.Of(ProgramGenerator.Generate(seed, ProgramGenerator.DefaultSize, swarm));
            foreach (var (feature, marks) in Marks)
            {
                var found = marks.Where(labels.Contains).ToList();
                Assert.True(
                    swarm.Has(feature) || found.Count == 0,
                    $"seed {seed}: {feature} is off, yet {string.Join(", ", found)}"
                );
                observed.UnionWith(found.Count > 0 ? [feature] : Array.Empty<Feature>());
            }
        }

        Assert.Empty(Marks.Select(mark => mark.Feature).Except(observed));
    }

    [Fact]
    public void the_plainest_profile_still_gives_programs()
    {
        var plainest = Enum.GetValues<Feature>()
            .Aggregate(Profile.Default, (profile, feature) => profile.With(feature, 0));
        for (ulong seed = 0; seed < 50; seed++)
        {
            var program = ProgramGenerator.Generate(seed, 30, plainest);
            Assert.Empty(Validator.Check(program));
            Assert.Equal(RunEnding.Finished, Interpreter.Run(program, new FaultPlan.None(), Schedule.Fifo).Ending);
        }
    }
}
