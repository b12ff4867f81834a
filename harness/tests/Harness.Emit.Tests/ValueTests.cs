using Harness.Model;

namespace Harness.Emit.Tests;

/// <summary>Zig's <c>fold(make(T, seed))</c> is the model's, for every type, in every mode.</summary>
public class ValueTests
{
    private const int TypesPerProgram = 16;

    private static readonly ulong[] _seeds = [0, 1, 7, 0x8000_0000_0000_0000, ulong.MaxValue - 1, ulong.MaxValue];

    public static TheoryData<string> Modes => ModeTable.Names;

    [Theory]
    [MemberData(nameof(Modes))]
    public async Task a_value_made_in_zig_folds_to_what_the_model_says(string mode)
    {
        var programs = TypeCorpus.All(everyWidth: mode == "selfhosted").Chunk(TypesPerProgram).Select(Checks).ToList();
        using var zig = new ZigTool();
        var worker = await MockWorker.BuildAsync(zig, programs, mode);

        var runs = Enumerable.Range(0, programs.Count).Select(i => new MockRun(i, new FaultPlan.None(), Schedule.Fifo));
        var differences = await worker.DifferencesAsync([.. runs]);

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    /// <summary>
    /// A program that makes values of each type and logs their folds; types also travel through a callee.
    /// </summary>
    private static FiberProgram Checks(ZigType[] types)
    {
        var body = new List<Statement>();
        var callees = new List<Function>();
        var local = 0;
        foreach (var type in types)
        {
            foreach (var seed in _seeds)
            {
                body.Add(new Statement.Let(local, type, Samples.Const(seed)));
                body.Add(new Statement.Log(body.Count, Samples.Fold(local++)));
            }

            var callee = callees.Count + 1;
            body.Add(Samples.Call(body.Count, callee, Samples.Try, local, Samples.Local(local - 1)));
            body.Add(new Statement.Log(body.Count, Samples.Fold(local++)));
            callees.Add(Samples.Function(
                callee, Samples.Inferred, type, [type],
                new Statement.Log(1000 + callee, Samples.Fold(0)),
                new Statement.Return(new ReturnValue.Local(0))));
        }

        return Samples.Program([Samples.Function(0, Samples.Inferred, Samples.Void, [], [.. body]), .. callees]);
    }
}
