using Harness.Execution;

namespace Harness.Cli;

/// <summary>What this process and the ones that it started, and waited for, have had of processors. Less at the mercy of a shared machine than wall time.</summary>
public static class ProcessorTime
{
    /// <exception cref="IOException">The system tells nothing of processes under <c>/proc</c>.</exception>
    public static TimeSpan Spent() => ProcessStat.Read("/proc/self/stat").Processor;
}
