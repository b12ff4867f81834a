using System.CommandLine;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Verification.Abi;

namespace Harness.Cli.Verbs;

/// <summary><c>abi</c>: measures the calling conventions of a compiler, and compares them with a stored fingerprint.</summary>
internal static class AbiVerb
{
    public static Command Create(VerbContext context)
    {
        var zig = Options.Zig();
        var json = new Option<string?>("--json") { Description = "Write the fingerprint to this file (-: standard output)", HelpName = "FILE" };
        var against = new Option<string?>("--against") { Description = "Compare with this fingerprint; exit 1 when something differs", HelpName = "FILE" };
        var command = new Command("abi", "Measure the calling conventions of a Zig compiler by running probes: registers, stack, results, what survives a call") { zig, json, against };
        command.SetAction((result, ct) => RunAsync(context, result.GetValue(zig), result.GetValue(json), result.GetValue(against), ct));
        return command;
    }

    private static async Task<int> RunAsync(VerbContext context, string? zig, string? json, string? against, CancellationToken ct)
    {
        var before = against is null ? null : Load(against);
        var measurement = await context.Rooms.OpenAbiAsync(Repository.Root(), zig, ct).ConfigureAwait(false);
        var fingerprint = await OneCase.WithScratchAsync(scratch => measurement.MeasureAsync(
            Toolchain.AbiCell.All, scratch, cell => context.Terminal.Error.WriteLine($"{cell.Cell}: {(cell.Problem is { } problem ? problem.Split('\n')[0] : $"{cell.Facts.Length} facts")}"), ct))
            .ConfigureAwait(false);
        if (json == "-")
        {
            context.Terminal.Out.Write(AbiJson.Write(fingerprint));
        }
        else if (json is not null)
        {
            Save(json, AbiJson.Write(fingerprint));
        }

        var differences = before is null ? [] : AbiComparison.Differences(before, fingerprint);
        if (before is null && json is null)
        {
            context.Terminal.Out.Write(AbiText.Of(fingerprint));
        }

        if (before is not null)
        {
            context.Terminal.Out.Write(AbiText.Of(before, fingerprint, differences));
        }

        return differences.Length > 0 ? ExitCodes.Falsified
            : fingerprint.Cells.All(cell => cell.Problem is not null || cell.Cell == AbiMeasurement.LimitCell) ? ExitCodes.Environment
            : ExitCodes.Held;
    }

    /// <exception cref="UsageException">It is not there, or no fingerprint.</exception>
    private static AbiFingerprint Load(string path)
    {
        try
        {
            return AbiJson.ReadFile(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UsageException($"there is no file {path}; write one with `harness abi --json FILE`");
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be used as a fingerprint: {e.Message}");
        }
    }

    private static void Save(string path, string text)
    {
        try
        {
            File.WriteAllText(path, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ResultsUnwritableException(path, e);
        }
    }
}
