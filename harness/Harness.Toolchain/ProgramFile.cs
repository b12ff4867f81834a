using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Harness.Toolchain;

/// <summary>A user's own program and the function of it that is called: what <c>check</c> compiles, once with checks and once without (docs/CHECK.md).</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Entry">A public function of the file.</param>
/// <param name="Options">
/// The user's own, for the compiler. Up to the first <c>-M…</c> they are the program's; from there on they are other modules'. What names libraries
/// goes to the linker too.
/// </param>
public sealed partial record ProgramFile(string Path, string Entry, ImmutableArray<string> Options)
{
    /// <summary>How the user's file is called among modules.</summary>
    internal const string ModuleName = "program";

    private const string UnitModule = "check_unit";

    /// <summary>The support module's name, which a program may import.</summary>
    public const string SupportModule = "fault_isolation";

    /// <summary>What begins a message of check_unit.zig's about the entry.</summary>
    private const string EntryMark = "error: check: ";

    internal ImmutableArray<(string Name, string Source)> Modules =>
        [(ModuleName, Path), (SupportModule, $"testing/{SupportModule}.zig"), (UnitModule, $"testing/{UnitModule}.zig")];

    internal IEnumerable<string> OwnOptions => Options.TakeWhile(option => !IsModule(option));

    internal IEnumerable<string> OtherModules => Options.SkipWhile(option => !IsModule(option));

    internal IEnumerable<string> Libraries => LibrariesOf(Options);

    /// <summary>The root of the compilation, which Zig's library asks for its options.</summary>
    internal string RootSource => $$"""
        const unit = @import("{{UnitModule}}");
        pub const entry_name = "{{Entry}}";
        pub const panic = unit.panic;
        pub const std_options = unit.std_options;
        comptime {
            _ = unit;
        }

        """;

    /// <summary>Whether the word can name a function in Zig without quoting.</summary>
    public static bool IsName(string word) => Name().IsMatch(word);

    /// <summary>What the compiler said about the entry itself; null: the mistake is another.</summary>
    public static string? EntryMistake(string diagnostics)
    {
        ArgumentNullException.ThrowIfNull(diagnostics);
        var at = diagnostics.IndexOf(EntryMark, StringComparison.Ordinal);
        return at < 0 ? null : diagnostics[(at + EntryMark.Length)..].Split('\n')[0];
    }

    /// <summary>Of compiler options those that the linker needs too.</summary>
    internal static IEnumerable<string> LibrariesOf(IEnumerable<string> options) => options.Where(option =>
        option.StartsWith("-l", StringComparison.Ordinal) || option.StartsWith("-L", StringComparison.Ordinal));

    private static bool IsModule(string option) => option.StartsWith("-M", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    private static partial Regex Name();
}
