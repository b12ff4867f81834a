using System.Globalization;
using Harness.Model;

namespace Harness.Emit;

/// <summary>
/// The names of one program's functions: a verb that tells what kind it is, and its number. Verbs differ from every
/// word that a local's name begins with, as Zig allows no shadowing.
/// </summary>
public sealed class FunctionNames
{
    private static readonly HashSet<string> _verbs = ["notify", "relay", "visit", "open", "start", "touch", "compute", "run", "fetch"];

    private readonly string[] _names;

    public FunctionNames(FiberProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        var entries = program.Fibers.Select(f => f.Function).ToHashSet();
        _names = [.. program.Functions.Select(f => $"{Verb(f, entries.Contains(f.Id))}_{f.Id}")];
    }

    /// <summary>The name of the function in its own namespace.</summary>
    public string this[int function] => _names[function];

    /// <summary>The name of what a line belongs to, in the program's namespace.</summary>
    public string Of(SourceOwner owner) => owner switch
    {
        SourceOwner.Function f => _names[f.Id],
        SourceOwner.FiberEntry f => FiberEntry(f.Fiber),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>The wrapper that a fiber starts in.</summary>
    public static string FiberEntry(int fiber) => $"fiber_{fiber}";

    /// <summary>The struct that a method is declared in.</summary>
    public static string HostType(int function) => $"Host{function}";

    /// <summary>The instance that a method is called on.</summary>
    public static string Host(int function) => $"host_{function}";

    /// <summary>The number of the function of that name, or of an instance of it; null for a name that no program's function has.</summary>
    public static int? IdOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var end = name.IndexOf("__", StringComparison.Ordinal);
        var own = end < 0 ? name : name[..end];
        var line = own.LastIndexOf('_');
        return line > 0 && _verbs.Contains(own[..line]) && int.TryParse(own.AsSpan(line + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
    }

    private static string Verb(Function function, bool isEntry) => function switch
    {
        { Kind: FunctionKind.Callback } => "notify",
        { Kind: FunctionKind.Generic } => "relay",
        { Kind: FunctionKind.Method } => "visit",
        { Payload: ZigType.Handle } => "open",
        _ when isEntry => "start",
        { IsFallible: false, Payload: ZigType.Void } => "touch",
        { IsFallible: false } => "compute",
        { Payload: ZigType.Void } => "run",
        _ => "fetch",
    };
}
