using System.Collections.Immutable;
using System.Text;
using Harness.Binary;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>
/// A user's Zig file as a program whose stack use can be read: its functions, split as the cell's route does it, linked with the runtime as it ships. It is never run. The
/// root takes the address of each function that is asked for, which is why the compiler keeps them.
/// </summary>
/// <param name="Path">Of the file.</param>
/// <param name="Entries">Functions of it, by the names it has for them; none: all that are public and no templates.</param>
/// <param name="Options">For the compiler. What names modules (<c>-Mname=path</c>) or libraries (<c>-l…</c>) is understood.</param>
public sealed record UsageProgram(string Path, ImmutableArray<string> Entries, ImmutableArray<string> Options)
{
    private const string FileModule = "file";

    /// <summary>The root of what is built; the file's symbols are <c>NAME.function</c> in it.</summary>
    internal string Source
    {
        get
        {
            var text = new StringBuilder($$"""
                const file = @import("{{FileModule}}");
                const splitstack = @import("splitstack");
                pub const panic = if (@hasDecl(file, "panic")) file.panic else splitstack.panic;
                export fn main() callconv(.c) c_int {
                    return 0;
                }

                """);
            text.Append(Entries.IsEmpty ? Everything : $"export const hs_usage_entries = [_]*const anyopaque{{ {string.Join(", ", Entries.Select(entry => $"&file.{entry}"))} }};\n");
            return text.ToString();
        }
    }

    private const string Everything = """
        fn isCode(comptime T: type) bool {
            const info = @typeInfo(T);
            return info == .@"fn" and !info.@"fn".is_generic and info.@"fn".calling_convention != .@"inline";
        }
        comptime {
            for (@typeInfo(file).@"struct".decls) |decl| {
                if (isCode(@TypeOf(@field(file, decl.name)))) {
                    const Kept = struct {
                        const function = &@field(file, decl.name);
                    };
                    @export(&Kept.function, .{ .name = "hs_usage_entry." ++ decl.name });
                }
            }
        }

        """;

    /// <summary>How it is built in a cell.</summary>
    internal BuildOptions BuildFor(Cell cell)
    {
        var slot = RuntimeRecipe.LimitSlotOf(cell) == LimitSlot.Own ? "runtime/limit_slot_own.zig" : "runtime/limit_slot_glibc.zig";
        var modules = Options.Where(option => option.StartsWith("-M", StringComparison.Ordinal) && option.Contains('=', StringComparison.Ordinal))
            .Select(option => option[2..].Split('=', 2)).Select(parts => (parts[0], System.IO.Path.GetFullPath(parts[1])));
        var dependencies = Options.Select((option, at) => (option, at)).Where(o => o.option == "--dep").SelectMany(o => (int[])[o.at, o.at + 1]).ToHashSet();
        return new BuildOptions
        {
            SlackUnprovenBecause = "the file may call what it likes; how much, is what is asked",
            Injection = InjectionOptions.Default with { MaxUnsplitFrameBytes = long.MaxValue / 2 },
            CompilerOptions = [.. Options.Where((option, at) => !dependencies.Contains(at) && !option.StartsWith("-M", StringComparison.Ordinal) && !IsLibrary(option))],
            Libraries = [.. Options.Where(IsLibrary)],
            Modules =
            [
                ("splitstack", "runtime/splitstack.zig"), ("abi", "runtime/abi.zig"), ("fiber", "runtime/fiber.zig"), ("limit_slot", slot),
                (FileModule, System.IO.Path.GetFullPath(Path)), .. modules,
            ],
        };
    }

    /// <summary>Names of functions as the linked program has them.</summary>
    /// <param name="symbols">All of the program's.</param>
    public IEnumerable<string> Symbols(IEnumerable<string> symbols)
    {
        var prefix = System.IO.Path.GetFileNameWithoutExtension(Path) + ".";
        return Entries.IsEmpty
            ? symbols.Where(symbol => symbol.StartsWith(prefix, StringComparison.Ordinal) && !symbol[prefix.Length..].Contains("__", StringComparison.Ordinal))
            : Entries.Select(entry => prefix + entry);
    }

    private static bool IsLibrary(string option) => option.StartsWith("-l", StringComparison.Ordinal) || option.StartsWith("-L", StringComparison.Ordinal);
}
