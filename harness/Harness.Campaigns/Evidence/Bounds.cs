namespace Harness.Campaigns.Evidence;

/// <summary>What counts say of a rate. Pure arithmetic, exact but for rounding.</summary>
public static class Bounds
{
    /// <summary>Halvings of the interval that a bound is looked for in: below the last digit of a double.</summary>
    private const int Halvings = 60;

    /// <summary>
    /// The exact one-sided upper bound of Clopper and Pearson (1934): the rate at which no more than <paramref name="failed"/> of
    /// <paramref name="programs"/> would fail with probability 1 − <paramref name="level"/>. 1 without a program.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative counts, more failures than programs, or a level outside (0, 1).</exception>
    public static double Exact(long programs, long failed, double level)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(failed);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(failed, programs);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(level, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, 1);
        if (failed == programs)
        {
            return 1;
        }

        if (failed == 0)
        {
            return 1 - Math.Pow(1 - level, 1.0 / programs);
        }

        var (low, high) = ((double)failed / programs, 1.0);
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = AtMost(failed, programs, middle) > 1 - level ? (middle, high) : (low, middle);
        }

        return high;
    }

    /// <summary>
    /// The interval of Wilson (1927) for a rate of which <paramref name="count"/> of <paramref name="of"/> was seen, <paramref name="z"/> standard
    /// deviations to each side.
    /// </summary>
    public static (double Low, double High) Wilson(long count, long of, double z)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, of);
        if (of == 0)
        {
            return (0, 1);
        }

        var (rate, square) = ((double)count / of, z * z);
        var centre = rate + (square / (2 * of));
        var width = z * Math.Sqrt((rate * (1 - rate) / of) + (square / (4.0 * of * of)));
        var scale = 1 + (square / of);
        return (Math.Max(0, (centre - width) / scale), Math.Min(1, (centre + width) / scale));
    }

    /// <summary>The probability that at most <paramref name="failed"/> of <paramref name="programs"/> fail at a rate: terms in turn, in logarithms.</summary>
    private static double AtMost(long failed, long programs, double rate)
    {
        var (logRate, logRest) = (Math.Log(rate), Math.Log(1 - rate));
        var sum = 0.0;
        var logChoices = 0.0;
        for (var k = 0L; k <= failed; k++)
        {
            if (k > 0)
            {
                logChoices += Math.Log(programs - k + 1) - Math.Log(k);
            }

            sum += Math.Exp(logChoices + (k * logRate) + ((programs - k) * logRest));
        }

        return sum;
    }
}
