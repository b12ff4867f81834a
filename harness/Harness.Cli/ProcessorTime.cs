using System.Globalization;

namespace Harness.Cli;

/// <summary>What this process and the ones that it started, and waited for, have had of processors. Less at the mercy of a shared machine than wall time.</summary>
public static class ProcessorTime
{
    /// <summary>Of a line of <c>/proc/PID/stat</c>, behind the name in parentheses: utime, stime, cutime, cstime (proc_pid_stat(5), fields 14 to 17).</summary>
    private const int First = 14 - 3;

    private const int Fields = 4;

    /// <summary>The kernel counts for programs in hundredths of a second on every architecture (USER_HZ).</summary>
    private const double TicksPerSecond = 100;

    /// <summary>What can be told apart.</summary>
    public static TimeSpan Resolution { get; } = TimeSpan.FromSeconds(1 / TicksPerSecond);

    /// <exception cref="IOException">The system tells nothing of processes under <c>/proc</c>.</exception>
    public static TimeSpan Spent() => Of(File.ReadAllText("/proc/self/stat"));

    /// <param name="stat">The name in it may hold anything, parentheses too.</param>
    public static TimeSpan Of(string stat)
    {
        var words = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds(words.Skip(First).Take(Fields).Sum(word => long.Parse(word, CultureInfo.InvariantCulture)) / TicksPerSecond);
    }
}
