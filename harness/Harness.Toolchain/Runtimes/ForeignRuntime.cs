using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Harness.Model;

namespace Harness.Toolchain.Runtimes;

/// <summary>
/// Another split-stack runtime than ours, as its folder's runtime.json describes it (docs/RUNTIMES.md): what it consists of, how prologues
/// come to call it, and what the harness may ask of it.
/// </summary>
/// <param name="Name">One word; part of cells' names and signatures.</param>
/// <param name="About">A sentence.</param>
/// <param name="Folder">Absolute.</param>
public sealed record ForeignRuntime(string Name, string About, string Folder)
{
    /// <summary>The routes of ours whose prologues call it; <see cref="Route.Command"/> alone when it has a command of its own.</summary>
    public required ImmutableArray<Route> Routes { get; init; }

    /// <summary>Empty: every mode.</summary>
    public ImmutableArray<OptimizeMode> Modes { get; init; } = [];

    /// <summary>What makes an object of a Zig file, with placeholders (<see cref="Fill"/>); empty: our routes do.</summary>
    public ImmutableArray<string> Command { get; init; } = [];

    /// <summary>Absolute paths of .c, .S and .zig files.</summary>
    public required ImmutableArray<string> Sources { get; init; }

    /// <summary>For its C and assembly.</summary>
    public ImmutableArray<string> Flags { get; init; } = [];

    /// <summary>Objects and archives to link: absolute paths, or <see cref="GccPrefix"/> and a name that gcc knows the place of.</summary>
    public ImmutableArray<string> Link { get; init; } = [];

    /// <summary>The symbols between which the code is whose frames stand in traces where a stack has split; prologues call the first.</summary>
    public required (string Begin, string End) Stub { get; init; }

    public required RuntimeAbilities Can { get; init; }

    public const string GccPrefix = "gcc:";

    /// <summary>The command with its placeholders filled in.</summary>
    public IReadOnlyList<string> Fill(IReadOnlyDictionary<string, string> values) =>
        [.. Command.Select(word => values.Aggregate(word, (text, pair) => text.Replace("{" + pair.Key + "}", pair.Value, StringComparison.Ordinal)))];

    /// <summary>Placeholders of a command; the two without which it cannot be one come first.</summary>
    public static IReadOnlyList<string> Placeholders { get; } = ["in", "out", "zig", "rt", "mode", "target", "folder"];

    /// <summary>Changes with any file of the folder.</summary>
    public string ContentHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(Folder).Concat(Sources).Distinct().Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(file) + "\0"));
            hash.AppendData(SHA256.HashData(File.ReadAllBytes(file)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..12];
    }

    public bool Equals(ForeignRuntime? other) => other is not null && other.Name == Name && other.Folder == Folder;

    public override int GetHashCode() => HashCode.Combine(Name, Folder);
}

/// <summary>What the harness may ask of a runtime. What it may not is left out of plans and checks, and said.</summary>
/// <param name="Forces">It goes to another segment whenever a prologue calls it, however much room there is: so splits can be forced through the limit.</param>
/// <param name="Threads">A fiber may go on on another thread than before.</param>
/// <param name="Signals">Handlers on the thread's signal stack may interrupt it anywhere.</param>
/// <param name="SlackBytes">What lies below its limit for those who do not ask; 0: nothing is promised, and the proof that it suffices is left out.</param>
public sealed record RuntimeAbilities(bool Forces, bool Threads, bool Signals, long SlackBytes);
