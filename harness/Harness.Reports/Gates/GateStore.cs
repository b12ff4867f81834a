using System.Globalization;
using Harness.Binary;
using Harness.Campaigns;
using Harness.Verification.Abi;

namespace Harness.Reports.Gates;

/// <summary>
/// The gates of a results folder: <c>gates/zig-VERSION.json</c>, <c>.md</c> and <c>.abi.json</c>, tracked; and <c>gates/zig-VERSION.parts</c>, not tracked: each
/// phase as it ended, for a gate that was cut off.
/// </summary>
public sealed class GateStore(string folder)
{
    private const string Prefix = "zig-";
    private const int MaxFileBytes = 16 << 20;

    public const string ConventionsExtension = ".abi.json";

    public string PathOf(string version, string extension) => Path.Combine(folder, Prefix + version + extension);

    /// <summary>Where a phase's result goes.</summary>
    public string PartOf(string version, int index, string phase) => Path.Combine(PathOf(version, ".parts"), string.Create(CultureInfo.InvariantCulture, $"{index + 1}-{phase}.json"));

    /// <summary>The baseline that is meant: a file, a version, or by itself this version's own gate, else the nearest older one's.</summary>
    /// <param name="named">What the user named; null: nothing.</param>
    /// <returns>Null: there is none, and none was named.</returns>
    /// <exception cref="InvalidDataException">What was named is not there, or no gate.</exception>
    public (GateResult Gate, string Path)? Baseline(string? named, string version)
    {
        var path = named is null ? Nearest(version)
            : File.Exists(named) ? named
            : File.Exists(PathOf(named, ".json")) ? PathOf(named, ".json")
            : throw new InvalidDataException($"--baseline {named} is neither a file nor a version with a gate in {folder}");
        if (path is null)
        {
            return null;
        }

        try
        {
            return (GateResult.Read(BoundedFile.ReadText(path, MaxFileBytes)), path);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path} cannot be used as a baseline: {e.Message}", e);
        }
    }

    /// <summary>The conventions that were measured with a gate.</summary>
    /// <returns>Null: none were kept.</returns>
    /// <exception cref="InvalidDataException">They cannot be read.</exception>
    public static AbiFingerprint? ConventionsOf(string gatePath)
    {
        var path = Path.ChangeExtension(gatePath, ConventionsExtension);
        try
        {
            return File.Exists(path) ? AbiJson.ReadFile(path) : null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{path} cannot be used as a baseline: {e.Message}; remove it, and conventions are compared with nothing", e);
        }
    }

    /// <summary>The phase of a gate that was cut off; null: it did not come to its end, or nothing that can be read says so.</summary>
    public static GatePhaseResult? Finished(string partPath)
    {
        try
        {
            return File.Exists(partPath) && GateResult.ReadPart(BoundedFile.ReadText(partPath, MaxFileBytes)) is { Status: GateStatus.Finished } part ? part : null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null; // Of another version, or torn: it is run again.
        }
    }

    private string? Nearest(string version)
    {
        if (!Directory.Exists(folder))
        {
            return null;
        }

        var mine = Parsed(version);
        return Directory.EnumerateFiles(folder, Prefix + "*.json").Where(path => !path.EndsWith(ConventionsExtension, StringComparison.Ordinal))
            .Select(path => (Path: path, Version: Path.GetFileNameWithoutExtension(path)[Prefix.Length..]))
            .Where(gate => gate.Version == version || Parsed(gate.Version).CompareTo(mine) <= 0)
            .OrderByDescending(gate => gate.Version == version).ThenByDescending(gate => Parsed(gate.Version)).ThenByDescending(gate => gate.Version, StringComparer.Ordinal)
            .Select(gate => gate.Path).FirstOrDefault();
    }

    /// <summary>The three numbers, and 0 or 1: a development version is older than the release.</summary>
    private static (int, int, int, int) Parsed(string version)
    {
        var numbers = version.Split('-', '+')[0].Split('.').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).Concat([0, 0, 0]).ToArray();
        return (numbers[0], numbers[1], numbers[2], version.Contains('-', StringComparison.Ordinal) ? 0 : 1);
    }

    /// <exception cref="ResultsUnwritableException"/>
    public static void Write(string path, string text)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            // Whole or not at all.
            File.WriteAllText(path + ".new", text);
            File.Move(path + ".new", path, overwrite: true);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(path, e);
        }
    }
}
