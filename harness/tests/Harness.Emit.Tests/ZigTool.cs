using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Harness.Emit.Tests;

/// <summary>Runs the pinned Zig on files in a directory of its own, removed at the end.</summary>
internal sealed class ZigTool : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(5);
    private static readonly string _root = FindRoot();

    public string Scratch { get; } = Directory.CreateTempSubdirectory("harness-emit-").FullName;

    public static string SupportFile(string name) => Path.Combine(_root, "zig-fixtures", "support", name);

    public string Write(string name, string text)
    {
        var path = Path.Combine(Scratch, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs <c>zig</c>; the outcome's text is everything it wrote to standard error.</summary>
    public Task<(int ExitCode, string Output, string Errors)> ZigAsync(params string[] arguments) =>
        RunAsync(FindExecutable(), arguments);

    /// <summary><c>zig fmt --check</c>.</summary>
    public async Task AssertFormattedAsync(string path)
    {
        var (code, output, errors) = await ZigAsync("fmt", "--check", path);
        Assert.True(code == 0, $"not as zig fmt would have it: {output}{errors}");
    }

    /// <summary>Compiles an emitted unit the way workers are compiled, and gives the object file.</summary>
    public async Task<string> CompileAsync(EmittedUnit unit, string name, params string[] options)
    {
        var source = Write(name + ".zig", unit.Source);
        var target = Path.Combine(Scratch, name + ".o");
        string[] arguments =
        [
            "build-obj", "-target", "x86_64-linux-gnu", "-lc", .. options, "--dep", "rt", "-Mroot=" + source,
            "-Mrt=" + SupportFile("support.zig"), "-femit-bin=" + target, "--cache-dir", Path.Combine(Scratch, "cache"),
        ];
        var (code, _, errors) = await ZigAsync(arguments);
        var excerpt = Excerpt(unit.Source, errors);
        Assert.True(code == 0, $"Zig refuses {name} ({string.Join(' ', options)}):\n{errors}\n{excerpt}");
        return target;
    }

    public async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string executable, params string[] arguments)
    {
        var start = new ProcessStartInfo(executable, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Scratch,
        };
        if (LibDirectory() is { } library) start.Environment["ZIG_LIB_DIR"] = library;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("not started: " + executable);
        using var limit = new CancellationTokenSource(_limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{executable} {string.Join(' ', arguments)} took more than {_limit}");
        }
    }

    public void Dispose() => Directory.Delete(Scratch, recursive: true);

    /// <summary>The lines around the first one that the compiler complains of.</summary>
    private static string Excerpt(string source, string errors)
    {
        var place = Regex.Match(errors, @"\.zig:(\d+):\d+: error");
        if (!place.Success) return "";
        var line = int.Parse(place.Groups[1].Value, CultureInfo.InvariantCulture);
        var text = new StringBuilder();
        foreach (var (number, content) in source.Split('\n').Index().Skip(line - 25).Take(40))
        {
            text.Append(number + 1).Append(number + 1 == line ? " > " : "   ").AppendLine(content);
        }

        return text.ToString();
    }

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        var directory = Path.GetDirectoryName(thisFile);
        while (directory is not null)
        {
            if (File.Exists(Path.Combine(directory, "Harness.sln"))) return directory;
            directory = Path.GetDirectoryName(directory);
        }

        throw new DirectoryNotFoundException("no Harness.sln above " + thisFile);
    }

    /// <summary>The library that goes with our own Zig; another one finds its own, or the environment's.</summary>
    private static string? LibDirectory() =>
        Environment.GetEnvironmentVariable("HARNESS_ZIG") is null
            ? Path.Combine(_root, "node_modules", "@zigc", "lib")
            : null;

    private static string FindExecutable()
    {
        var path = Environment.GetEnvironmentVariable("HARNESS_ZIG")
            ?? Path.Combine(_root, "node_modules", "@zigc", "linux-x64", "bin", "zig");
        return File.Exists(path)
            ? path
            : throw new FileNotFoundException(
                $"No Zig at {path}: run npm ci at the repository's root, or set HARNESS_ZIG.");
    }
}
