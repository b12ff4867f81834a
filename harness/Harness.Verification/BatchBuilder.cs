using Harness.Model;
using Harness.Toolchain;

namespace Harness.Verification;

/// <summary>A program that could not be built, alone or with any other.</summary>
public sealed record BuildFailure(int Program, BuildOutcome Outcome);

/// <summary>What became of a batch's compilation.</summary>
/// <param name="Units">With the batch's numbers of their programs, in the unit's order.</param>
/// <param name="Attempts">Compilations made.</param>
/// <param name="TogetherOnly">Compilations of several programs that failed although each half could be built.</param>
internal sealed record BatchBuild(
    IReadOnlyList<(int[] Programs, BuiltUnit Unit)> Units, IReadOnlyList<BuildFailure> Failures, int Attempts, int TogetherOnly);

/// <summary>Builds a batch as one unit; when that fails, halves it until the programs to blame stand alone.</summary>
internal sealed class BatchBuilder(IUnitFactory factory)
{
    public async Task<BatchBuild> BuildAsync(IReadOnlyList<FiberProgram> programs, Cell cell, string directory, CancellationToken ct)
    {
        var units = new List<(int[], BuiltUnit)>();
        var failures = new List<BuildFailure>();
        var (attempts, together) = (0, 0);

        async Task<bool> BuildRangeAsync(int start, int end)
        {
            var unitDirectory = Path.Combine(directory, $"unit-{attempts++}");
            var (outcome, unit) = await factory
                .BuildAsync([.. programs.Skip(start).Take(end - start)], cell, unitDirectory, ct).ConfigureAwait(false);
            if (unit is not null)
            {
                units.Add(([.. Enumerable.Range(start, end - start)], unit));
                return true;
            }

            if (end - start == 1)
            {
                failures.Add(new BuildFailure(start, outcome));
                return false;
            }

            var middle = start + ((end - start) / 2);
            var left = await BuildRangeAsync(start, middle).ConfigureAwait(false);
            var right = await BuildRangeAsync(middle, end).ConfigureAwait(false);
            together += left && right ? 1 : 0;
            return left && right;
        }

        if (programs.Count > 0)
        {
            await BuildRangeAsync(0, programs.Count).ConfigureAwait(false);
        }

        return new BatchBuild(units, failures, attempts, together);
    }
}
