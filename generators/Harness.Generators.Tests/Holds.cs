using FsCheck;
using FsCheck.Fluent;
using Harness.Model;
using Microsoft.FSharp.Core;

namespace Harness.Generators.Tests;

/// <summary>
/// Runs FsCheck properties over programs, from a fixed seed, so that a test run says the same thing every time.
/// </summary>
internal static class Holds
{
    public static void ForPrograms(Profile profile, int tests, Func<FiberProgram, bool> property)
    {
        var replay = new Replay(new Rnd(20_240_131UL), FSharpOption<int>.None);
        Prop.ForAll(ProgramGenerator.Arbitrary(profile), property)
            .Check(
                Config
                    .QuickThrowOnFailure.WithMaxTest(tests)
                    .WithStartSize(1)
                    .WithEndSize(60)
                    .WithQuietOnSuccess(true)
                    .WithReplay(FSharpOption<Replay>.Some(replay))
            );
    }
}
