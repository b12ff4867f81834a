using System.Globalization;

namespace Harness.Execution;

/// <summary>What a process and its children are doing, as <c>/proc</c> tells it (proc_pid_stat(5), proc_pid_task(5)).</summary>
/// <param name="Processor">Their time on processors, user and system.</param>
/// <param name="IsAsleep">Every thread of theirs sleeps until something comes.</param>
public readonly record struct ProcessActivity(TimeSpan Processor, bool IsAsleep)
{
    private const char Asleep = 'S';

    /// <returns>Null when the process is gone, or the system tells nobody of children (CONFIG_PROC_CHILDREN).</returns>
    public static ProcessActivity? Of(int pid)
    {
        try
        {
            return WithChildren(pid);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static ProcessActivity WithChildren(int pid)
    {
        var folder = $"/proc/{pid}";
        var all = new ProcessActivity(ProcessStat.Read($"{folder}/stat").Processor, true);
        foreach (var task in Directory.EnumerateDirectories($"{folder}/task"))
        {
            all = all with { IsAsleep = all.IsAsleep && ProcessStat.Read($"{task}/stat").State == Asleep };
            var children = File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (var below in children.Select(child => WithChildren(int.Parse(child, CultureInfo.InvariantCulture))))
            {
                all = new ProcessActivity(all.Processor + below.Processor, all.IsAsleep && below.IsAsleep);
            }
        }

        return all;
    }
}
