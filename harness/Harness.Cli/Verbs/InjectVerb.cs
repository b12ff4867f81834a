using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Harness.Binary;
using Harness.Model;
using Harness.Reports;
using Harness.Toolchain;

namespace Harness.Cli.Verbs;

/// <summary><c>inject FILE -o OUT</c>: split-stack checks for the functions of a file that somebody else's compilation left.</summary>
internal sealed class InjectVerb
{
    /// <summary>Enough to tell what a file is.</summary>
    private const int StartBytes = 256;

    /// <summary>Functions left out that are named one by one, for each reason.</summary>
    private const int NamedMax = 6;

    private readonly Argument<string> _file = new("FILE")
    {
        Description = "An object (thunks), textual LLVM IR as Zig emits it (LLVM's own prologues), or its assembly (checks inserted)",
    };

    private readonly Option<string> _output = new("--output", "-o") { Description = "Where the object with checks goes", HelpName = "OUT", Required = true };

    private readonly Option<string?> _route = new("--route")
    {
        Description = "What FILE must be for: thunk (an object), attribute (IR) or assembly; refused otherwise", HelpName = "ROUTE",
    };

    private readonly Option<string> _mode = new("--mode")
    {
        Description = "Code generation from IR: Debug does not optimise", HelpName = "MODE", DefaultValueFactory = _ => nameof(OptimizeMode.Debug),
    };

    private readonly Option<string?> _limit = new("--limit")
    {
        Description = "Where the runtime keeps the limit: fs70 (glibc's word) or own (its variable hs_limit, with HS_LIMIT_OWN; always so for assembly)",
        HelpName = "PLACE",
    };

    private readonly Option<string[]> _exclude = Options.Words("--exclude", "Functions to leave alone: names, or prefixes that end in *", "NAME");

    private readonly Option<int> _arguments = new("--argument-bytes")
    {
        Description = "Stack arguments that are copied where neither a function's code nor its caller's frame tells",
        HelpName = "N", DefaultValueFactory = _ => InjectionOptions.Default.ArgumentBytes,
    };

    private readonly Option<long> _frame = new("--max-unsplit-frame")
    {
        Description = "Refuse FILE when a function that is left out has a larger frame, and split larger ones that ask for their return address: raise it if such functions run on system stacks only", HelpName = "BYTES",
        DefaultValueFactory = _ => InjectionOptions.Default.MaxUnsplitFrameBytes,
    };

    private readonly Option<string?> _zig = Options.Zig();
    private readonly Option<bool> _json = Options.Json();

    public static Command Create(VerbContext context)
    {
        var verb = new InjectVerb();
        var command = new Command("inject", "Put split-stack checks into the functions of your own object, IR or assembly, to link with libsplitstack.a")
        {
            verb._file, verb._output, verb._route, verb._mode, verb._limit, verb._exclude, verb._arguments, verb._frame, verb._zig, verb._json,
        };
        command.SetAction((result, ct) => verb.RunAsync(context, result, ct));
        return command;
    }

    private async Task<int> RunAsync(VerbContext context, ParseResult result, CancellationToken ct)
    {
        var (path, output) = (result.GetRequiredValue(_file), result.GetRequiredValue(_output));
        var request = Request(path, result);
        var options = BuildOptions.Default with { Injection = Injection(result) };
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(output))))
        {
            throw new UsageException($"there is no folder for --output {output}; make it first");
        }

        var injector = await context.Rooms.OpenInjectorAsync(Repository.Root(), result.GetValue(_zig), options, ct).ConfigureAwait(false);
        var outcome = await OneCase.WithScratchAsync(scratch => injector.InjectAsync(request, scratch, ct)).ConfigureAwait(false);
        if (outcome is not InjectionOutcome.Injected injected)
        {
            throw new UsageException($"{path} cannot be used: {((InjectionOutcome.Refused)outcome).Reason.Split('\n')[0]}; see inject --help");
        }

        try
        {
            await File.WriteAllBytesAsync(output, injected.Object, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--output {output} cannot be written: {e.Message}");
        }

        context.Terminal.Out.Write(result.GetValue(_json) ? Json(request, injected.Report) : Text(request, injected.Report));
        return ExitCodes.Held;
    }

    /// <exception cref="UsageException"/>
    private InjectionRequest Request(string path, ParseResult result)
    {
        var found = RouteOf(path);
        var route = One<Route>("--route", result.GetValue(_route)) ?? found;
        if (route != found)
        {
            throw new UsageException($"--route {result.GetValue(_route)} does not go with {path}, which is for the {Word(found)} route");
        }

        var limit = result.GetValue(_limit) switch
        {
            null => route is Route.Assembly ? LimitSlot.Own : LimitSlot.Glibc,
            "fs70" => LimitSlot.Glibc,
            "own" => LimitSlot.Own,
            var other => throw new UsageException($"--limit {other} is unknown; known: fs70, own"),
        };
        var only = route switch { Route.Attribute => LimitSlot.Glibc, Route.Assembly => LimitSlot.Own, _ => limit };
        return limit == only
            ? new InjectionRequest(path, route, One<OptimizeMode>("--mode", result.GetValue(_mode)) ?? OptimizeMode.Debug, limit)
            : throw new UsageException($"--limit {result.GetValue(_limit)} does not go with the {Word(route)} route, whose checks read {only}");
    }

    /// <exception cref="UsageException"/>
    private static Route RouteOf(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            if (stream.Length > FileInjector.MaxFileBytes)
            {
                throw new UsageException($"{path} has {stream.Length} bytes, which exceeds the maximum of {FileInjector.MaxFileBytes}");
            }

            var start = new byte[StartBytes];
            return FileInjector.RouteOf(path, start.AsSpan(0, stream.ReadAtLeast(start, StartBytes, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read: {e.Message}");
        }
    }

    private InjectionOptions Injection(ParseResult result)
    {
        var bytes = result.GetValue(_arguments);
        return bytes is >= 0 and <= InjectionOptions.MaxArgumentBytes
            ? InjectionOptions.Default with { ArgumentBytes = bytes, MaxUnsplitFrameBytes = result.GetValue(_frame), Excluded = [.. InjectionOptions.Default.Excluded, .. result.GetValue(_exclude) ?? []] }
            : throw new UsageException($"--argument-bytes {bytes} is out of range; give 0 to {InjectionOptions.MaxArgumentBytes}");
    }

    private static T? One<T>(string option, string? word)
        where T : struct, Enum => word is null ? null : Options.Parse<T>(option, [word])[0];

    private static string Text(InjectionRequest request, InjectionReport report)
    {
        var text = new StringBuilder()
            .Append(CultureInfo.InvariantCulture, $"route       {Word(request.Route)}, limit in {request.LimitSlot}\n")
            .Append(CultureInfo.InvariantCulture, $"checks      {report.Split:N0} of {report.Functions:N0} functions\n");
        if (report.Redirected > 0)
        {
            var what = request.Route is Route.Thunk ? "references now lead through a check" : "checks raised by the alignment of their frame";
            text.Append(CultureInfo.InvariantCulture, $"            {report.Redirected:N0} {what}\n");
        }

        if (report.UnknownFrames > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"            {report.UnknownFrames:N0} frames could not be told; {InjectionOptions.Default.UnknownFrameBytes:N0} bytes are assumed\n");
        }

        foreach (var group in report.Unsplit.GroupBy(function => function.Reason).OrderBy(group => group.Key))
        {
            text.Append(CultureInfo.InvariantCulture, $"left out    {group.Count():N0} ({Why(group.Key)}; frames up to {group.Max(function => function.FrameBytes):N0} bytes): {Few(group.Select(function => function.Name))}\n");
        }

        if (report.Misled.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"note        {report.Misled.Length:N0} ask for their return address and are too large to be left out; where they split it is morestack's: {Few(report.Misled)}\n");
        }

        return text.ToString();
    }

    private static string Few(IEnumerable<string> names)
    {
        var sorted = names.Order(StringComparer.Ordinal).ToList();
        return string.Join(", ", sorted.Take(NamedMax)) + (sorted.Count > NamedMax ? ", …" : "");
    }

    private static string Json(InjectionRequest request, InjectionReport report) => JsonSerializer.Serialize(new
    {
        route = Word(request.Route),
        limit = request.LimitSlot.ToString(),
        functions = report.Functions,
        split = report.Split,
        redirected = report.Redirected,
        unknownFrames = report.UnknownFrames,
        misled = report.Misled,
        unsplit = report.Unsplit.Select(function => new { function.Name, Reason = function.Reason.ToString(), function.FrameBytes }),
    }, CaseText.JsonOptions) + "\n";

    private static string Word(Route route) => route.ToString().ToLowerInvariant();

    private static string Why(UnsplitReason reason) => reason switch
    {
        UnsplitReason.Excluded => "excluded by name",
        UnsplitReason.AsksReturnAddress => "ask for their return address",
        UnsplitReason.Variadic => "variadic",
        UnsplitReason.Naked => "naked",
        UnsplitReason.CheckMissing => "no check was found",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
