using System.CommandLine;
using System.Reflection;
using Harness.Campaigns;
using Harness.Cli.Verbs;
using Harness.Reports;

namespace Harness.Cli;

/// <summary>What every verb works with.</summary>
public sealed record VerbContext(Terminal Terminal, IRoomOpener Rooms, IReadOnlyList<string> Arguments);

/// <summary>The command line: parses, runs one verb, and turns whatever goes wrong into one line and an exit code.</summary>
public sealed class Application(Terminal terminal, IRoomOpener rooms)
{
    /// <summary>Version and the first digits of the commit, for example <c>1.0.0+aa3e3b74d298</c>; with <c>-changed</c> where sources differ from it.</summary>
    public static string Version { get; } = Shortened(
        typeof(Application).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown");

    /// <summary>What an exception that nobody expected is announced with.</summary>
    public const string OwnDefect = "this is a defect of the harness itself";

    public async Task<int> RunAsync(string[] args, CancellationToken stop)
    {
        if (args.TakeWhile(word => word != "--").Contains(""))
        {
            terminal.Complain("a word of the command line is empty (a variable that is not set?); leave it out, or give what it stands for");
            return ExitCodes.Usage;
        }

        var result = Root(new VerbContext(terminal, rooms, args)).Parse(args);
        if (result.Errors.Count > 0 && result.Action is not System.CommandLine.Help.HelpAction)
        {
            terminal.Complain($"{Mended(result)}; see scripts/harness --help");
            return ExitCodes.Usage;
        }

        var configuration = new InvocationConfiguration
        {
            Output = terminal.Out, Error = terminal.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
        };
        try
        {
            return await result.InvokeAsync(configuration, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (CodeOf(e, stop) is { } code)
        {
            terminal.Complain(e is OperationCanceledException ? "stopped" : e.Message);
            return code;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            terminal.Complain($"{OwnDefect}, please report it:");
            terminal.Error.WriteLine(e);
            return ExitCodes.Environment;
        }
    }

    /// <summary>The first digits of a commit are enough; that it was not the commit alone (scripts/lib.sh, <c>revision</c>) is not left out.</summary>
    public static string Shortened(string version)
    {
        const string changed = "-changed";
        if (version.Split('+', 2) is not [var number, var commit])
        {
            return version;
        }

        var (digits, mark) = commit.EndsWith(changed, StringComparison.Ordinal) ? (commit[..^changed.Length], changed) : (commit, "");
        return $"{number}+{digits[..Math.Min(digits.Length, 12)]}{mark}";
    }

    private static int? CodeOf(Exception e, CancellationToken stop) => e switch
    {
        UsageException or InvalidDataException => ExitCodes.Usage,
        EnvironmentUnusableException or ResultsUnwritableException => ExitCodes.Environment,
        OperationCanceledException when stop.IsCancellationRequested => ExitCodes.Inconclusive,
        _ => null,
    };

    private static string Mended(ParseResult result) => result switch
    {
        { CommandResult.Command: RootCommand, Tokens.Count: 0 } => "which verb? For example: scripts/harness run --budget 60s",
        { CommandResult.Command: RootCommand root, UnmatchedTokens: [var word, ..] } =>
            $"there is no verb '{word}'; known: {string.Join(", ", root.Subcommands.Select(verb => verb.Name))}",
        _ => result.Errors[0].Message.TrimEnd('.'),
    };

    /// <summary>All verbs with their options.</summary>
    public static RootCommand Root(VerbContext context) => new("Tests split-stack fibers in Zig: generates programs, forces splits, injects faults, checks cleanup and stack traces.")
    {
        RunVerb.Create(context),
        ExhaustVerb.Create(context),
        ReplayVerb.Create(context),
        ShrinkVerb.Create(context),
        ShowVerb.Create(context),
        KeepVerb.Create(context),
        FindingsVerb.Create(context),
        ReportVerb.Create(context),
        MergeVerb.Create(context),
        MutantsVerb.Create(context),
        TestVerb.Create(context),
        CheckVerb.Create(context),
        BenchVerb.Create(context),
        InjectVerb.Create(context),
        ReserveVerb.Create(context),
        StackUsageVerb.Create(context),
        UnwindVerb.Create(context),
        StepVerb.Create(context),
        AbiVerb.Create(context),
        GateVerb.Create(context),
        DoctorVerb.Create(context),
    };
}
