using System.Globalization;

namespace Harness.Execution;

/// <summary>What a line of <c>/proc/PID/stat</c> says (proc_pid_stat(5)).</summary>
/// <param name="State">Field 3: <c>R</c> runs or could, <c>S</c> sleeps until something comes, <c>D</c> waits for a disk …</param>
/// <param name="Processor">Fields 14 to 17, utime, stime, cutime and cstime: its own time, and that of children that it has waited for.</param>
public readonly record struct ProcessStat(char State, TimeSpan Processor)
{
    /// <summary>The kernel counts for programs in hundredths of a second on every architecture (USER_HZ).</summary>
    private const double TicksPerSecond = 100;

    private const int FirstTime = 14 - 3;
    private const int Times = 4;

    /// <summary>What can be told apart.</summary>
    public static TimeSpan Resolution { get; } = TimeSpan.FromSeconds(1 / TicksPerSecond);

    /// <param name="line">The name in it may hold anything, parentheses too.</param>
    public static ProcessStat Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var words = line[(line.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = words.Skip(FirstTime).Take(Times).Sum(word => long.Parse(word, CultureInfo.InvariantCulture));
        return new ProcessStat(words[0][0], TimeSpan.FromSeconds(ticks / TicksPerSecond));
    }

    /// <exception cref="IOException">There is no such file, or no such process any more.</exception>
    public static ProcessStat Read(string path) => File.ReadAllText(path) is { Length: > 0 } line ? Parse(line) : throw new IOException($"{path} says nothing");
}
