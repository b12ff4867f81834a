using Harness.Execution;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Runtime.Tests;

/// <summary>
/// The native trials of <c>zig-fixtures/trials</c>: programs that put the runtime's stubs and segment allocator to the test without
/// fibers, and say on standard output what they checked.
/// </summary>
internal static class Trial
{
    private static readonly RuntimePart _call = new("call", "trials/call.S", OptimizeMode.ReleaseFast, [], []);

    /// <summary>The runtime's stubs and slow path, the parts that trials share, and a trial's own.</summary>
    public static RuntimeRecipe Recipe(params RuntimePart[] own) => new(
        [.. RuntimeRecipe.Standard.Parts.Where(part => part.Name is "morestack" or "growth"), _call, .. own]);

    /// <summary>A Zig file of <c>trials</c> with a <c>main</c>.</summary>
    public static RuntimePart Driver(string name) => new(
        name, $"trials/{name}.zig", OptimizeMode.ReleaseSafe, ["-lc"],
        [("abi", "runtime/abi.zig"), ("worker_abi", "worker/abi.zig"), ("limit_slot", "runtime/limit_slot_glibc.zig")]);

    /// <summary>The recipe of a trial that needs no unit: <c>NAME.zig</c> and <c>NAME.S</c>.</summary>
    public static RuntimeRecipe Of(string name) => Recipe(
        Driver(name), new RuntimePart(name + "-asm", $"trials/{name}.S", OptimizeMode.ReleaseFast, [], []));

    /// <summary>Links a recipe's objects, alone or with more (objects, libraries), and gives the program's path.</summary>
    public static async Task<string> LinkAsync(RuntimeRecipe recipe, string directory, params string[] more)
    {
        var objects = await Tools.Cache.RuntimeAsync(recipe, Cell.LinuxGnu, CancellationToken.None);
        var compiler = await Tools.Cache.CompilerAsync(CancellationToken.None);
        var program = Path.Combine(directory, "trial");
        string[] arguments =
        [
            "build-exe", "-target", Cell.LinuxGnu, .. more, .. objects, "-lc", "--eh-frame-hdr", "-fno-ubsan-rt", "-fcompiler-rt",
            "-femit-bin=" + program,
        ];
        Directory.CreateDirectory(directory);
        var result = await compiler.CompileAsync(arguments, directory, TimeSpan.FromMinutes(5), CancellationToken.None);
        return result is ZigResult.Done ? program : throw new Xunit.Sdk.XunitException(result.ToString());
    }

    /// <summary>The same recipe with all sources of one of its parts taken from a copy of the fixtures (<see cref="Broken"/>).</summary>
    public static RuntimeRecipe From(this RuntimeRecipe recipe, string copy, string part) => new(
        [.. recipe.Parts.Select(p => p.Name != part ? p : p with
        {
            Source = Path.Combine(copy, p.Source),
            Modules = [.. p.Modules.Select(module => (module.Name, Path.Combine(copy, module.Source)))],
        })]);

    /// <summary>
    /// Copies what the runtime's parts are made of into a directory and changes one file of it at the nth occurrence of a text.
    /// </summary>
    /// <param name="file">Relative to the fixtures.</param>
    /// <param name="change">From the file's text and the place in it to the changed text.</param>
    public static void Broken(string file, string directory, Func<string, int, string> change, string place, int occurrence = 0)
    {
        foreach (var room in (string[])["runtime", "worker", "mutants", "foreign"])
        {
            Directory.CreateDirectory(Path.Combine(directory, room));
            foreach (var source in Directory.EnumerateFiles(Tools.Fixtures.PathOf(room)))
            {
                File.Copy(source, Path.Combine(directory, room, Path.GetFileName(source)), overwrite: true);
            }
        }

        var path = Path.Combine(directory, file);
        var text = File.ReadAllText(path);
        var at = -1;
        for (var i = 0; i <= occurrence; i++)
        {
            at = text.IndexOf(place, at + 1, StringComparison.Ordinal);
            Assert.True(at >= 0, $"{file} has no occurrence {i} of `{place}`: adapt this test to it");
        }

        File.WriteAllText(path, change(text, at));
    }

    /// <summary>Runs a trial that must complain, in its last line, and end with exit code 1.</summary>
    public static async Task AssertFailsAsync(string program, string complaint, params string[] arguments)
    {
        var failed = Assert.IsType<ProcessOutcome.Exited>(await Tools.RunAsync(program, arguments));
        Assert.Equal(1, failed.Code);
        var last = failed.Output.Stdout.TrimEnd().Split('\n')[^1];
        Assert.StartsWith("FAILED: ", last, StringComparison.Ordinal);
        Assert.Contains(complaint, last, StringComparison.Ordinal);
    }

    /// <summary>Runs a program that must end badly, by itself or by a signal, and have said the complaint. Returns its end in words.</summary>
    public static async Task<string> AssertNoticedAsync(string program, string complaint, params string[] arguments)
    {
        var outcome = await Tools.RunAsync(program, arguments);
        var printed = outcome switch
        {
            ProcessOutcome.Exited { Code: not 0 } exited => exited.Output.Stdout,
            ProcessOutcome.Signaled signaled => signaled.Output.Stdout,
            _ => throw new Xunit.Sdk.XunitException($"not noticed: {outcome}"),
        };
        Assert.Contains(complaint, printed, StringComparison.Ordinal);
        return outcome.ToString();
    }
}
