using System.Text.RegularExpressions;
using System.Xml.Linq;
using Harness.Campaigns;

namespace Harness.Cli.Tests;

/// <summary>The rules of the house, as far as a program can see them.</summary>
public sealed class ArchitectureTests
{
    private const int FileLines = 400;
    private const int FunctionLines = 70;

    private static readonly string _root = Repository.Root();

    /// <summary>Which rooms a room may refer to (docs/CONTRACTS.md): from the bottom up.</summary>
    private static readonly Dictionary<string, string[]> _allowed = new()
    {
        ["Harness.Model"] = [],
        ["Harness.Emit"] = ["Harness.Model"],
        ["Harness.Binary"] = ["Harness.Model"],
        ["Harness.Execution"] = ["Harness.Model"],
        ["Harness.Generators"] = ["Harness.Model"],
        ["Harness.Toolchain"] = ["Harness.Model", "Harness.Emit", "Harness.Binary", "Harness.Execution"],
        ["Harness.Verification"] = ["Harness.Model", "Harness.Emit", "Harness.Binary", "Harness.Execution", "Harness.Toolchain"],
        ["Harness.Campaigns"] = ["Harness.Verification", "Harness.Generators"],
        ["Harness.Reports"] = ["Harness.Campaigns"],
        ["Harness.Cli"] = ["Harness.Reports"],
    };

    /// <summary>Rooms whose results may depend on nothing but their arguments.</summary>
    private static readonly string[] _pure =
        ["Harness.Model", "Harness.Emit", "Harness.Binary", "Harness.Generators", "Harness.Verification", "Harness.Campaigns", "Harness.Reports"];

    [Fact]
    public void Project_references_go_one_way()
    {
        var projects = Sources("*.csproj").Where(path => !path.Contains("Tests")).ToList();
        Assert.Equal(_allowed.Keys.Order(), projects.Select(path => Path.GetFileNameWithoutExtension(path)).Order());
        foreach (var project in projects)
        {
            var name = Path.GetFileNameWithoutExtension(project);
            var references = XDocument.Load(project).Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));
            Assert.All(references, reference => Assert.Contains(reference, _allowed[name]));
        }
    }

    [Fact]
    public void Processes_are_started_in_the_execution_room_only() =>
        AssertNowhere(@"\bProcessStartInfo\b|\bnew Process\b|\bProcess\.(Start|Get)", room => room is not "Harness.Execution");

    [Fact]
    public void Only_the_command_line_writes_to_the_console() => AssertNowhere(@"\bConsole\.", room => room is not "Harness.Cli");

    [Fact]
    public void Pure_rooms_know_no_clock_and_no_ambient_chance() => AssertNowhere(
        @"\bDateTime(Offset)?\.(Utc)?Now\b|\bnew Random\b|\bRandom\.Shared\b|\bGuid\.NewGuid\b|\bEnvironment\.TickCount", _pure.Contains);

    /// <summary>What is said to show something must exist: test classes and methods by name, the product's tests by the words that follow its file's.</summary>
    [Fact]
    public void Every_test_that_a_document_names_is_there()
    {
        var tests = Sources("*.cs").Where(path => path.Contains("Tests")).GroupBy(Path.GetFileNameWithoutExtension)
            .ToDictionary(group => group.Key!, group => string.Join('\n', group.Select(File.ReadAllText)));
        var product = string.Join('\n', Directory.EnumerateFiles(Path.Combine(_root, "zig-fixtures", "runtime"), "*tests.zig").Select(File.ReadAllText));
        var (methods, missing) = (0, new List<string>());
        foreach (var document in Documents())
        {
            var text = File.ReadAllText(document);
            foreach (Match named in Regex.Matches(text, @"`(?<class>\w+Tests)(\.(?<method>[A-Z]\w+_\w+))?`"))
            {
                methods += named.Groups["method"].Success ? 1 : 0;
                var known = tests.TryGetValue(named.Groups["class"].Value, out var source) && source.Contains(named.Groups["method"].Value, StringComparison.Ordinal);
                missing.AddRange(known ? [] : [$"{Path.GetFileName(document)}: {named.Value}"]);
            }

            foreach (Match named in Regex.Matches(text, @"\w*tests\.zig`?, ""(?<name>[^""]+)"""))
            {
                missing.AddRange(product.Contains($"test \"{named.Groups["name"].Value}\"", StringComparison.Ordinal) ? [] : [$"{Path.GetFileName(document)}: {named.Value}"]);
            }
        }

        Assert.Empty(missing);
        Assert.True(methods > 10, $"{methods} methods named");
    }

    private static IEnumerable<string> Documents() => Directory.EnumerateFiles(Path.Combine(_root, "harness", "docs"), "*.md")
        .Concat(Directory.EnumerateFiles(Path.Combine(_root, "zig-fixtures"), "*.md", SearchOption.AllDirectories).Where(path => !path.Contains("zig-cache")))
        .Append(Path.Combine(_root, "README.md"));

    [Fact]
    public void No_source_has_a_fixme() => AssertNone(Code(), line => Regex.IsMatch(line, @"\b(FIX" + "ME|XXX|HACK)\b"));

    [Fact]
    public void Files_fit_in_four_hundred_lines() =>
        AssertEmpty(Code().Where(path => File.ReadLines(path).Count() > FileLines).Select(path => $"{Relative(path)} has more than {FileLines} lines"));

    [Fact]
    public void Functions_fit_in_seventy_lines() => AssertEmpty(Code().SelectMany(LongFunctions));

    [Fact]
    public void Nothing_names_this_machine() => AssertNone(
        Code().Concat(Sources("*.json")).Concat(Sources("*.md")).Concat(Sources("*.zig")).Append(Path.Combine(_root, "package-lock.json")),
        line => Regex.IsMatch(line, "\"resolved\": *\"http|/ho" + "me/[a-z]|/wo" + "rk/"));

    /// <summary>What the manifest does not list is missing where the package is fetched.</summary>
    [Fact]
    public void The_runtimes_package_lists_all_that_it_consists_of()
    {
        var folder = Path.Combine(_root, "zig-fixtures", "runtime");
        var listed = File.ReadAllText(Path.Combine(folder, "build.zig.zon")).Split(".paths")[1].Split('"').Where((_, i) => i % 2 == 1);
        var there = Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)!).Where(name => !name.StartsWith('.') && name != "zig-out");
        Assert.Equal(there.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Stored_cases_are_complete()
    {
        var regressions = new ResultsLayout(Path.Combine(_root, "results")).Regressions;
        foreach (var folder in Directory.Exists(regressions) ? Directory.GetDirectories(regressions) : [])
        {
            Assert.All(CaseStore.Files, file => Assert.True(File.Exists(Path.Combine(folder, file)), $"{Relative(folder)} lacks {file}"));
            // A word of its own behind the name where another cause has the same signature.
            var name = Regex.Escape(CaseStore.FolderName(CaseStore.Read(folder).Document.Signature));
            Assert.Matches($"^{name}(-[a-z]+)?$", Path.GetFileName(folder));
        }
    }

    private static void AssertNowhere(string pattern, Func<string, bool> inRoom) =>
        AssertNone(Code().Where(path => !path.Contains("Tests") && inRoom(Room(path))), line => Regex.IsMatch(WithoutComment(line), pattern));

    private static void AssertNone(IEnumerable<string> paths, Func<string, bool> isBad) => AssertEmpty(
        paths.SelectMany(path => File.ReadLines(path)
            .Select((line, index) => (line, index))
            .Where(pair => isBad(pair.line))
            .Select(pair => $"{Relative(path)}:{pair.index + 1}: {pair.line.Trim()}")));

    private static void AssertEmpty(IEnumerable<string> complaints)
    {
        var all = string.Join('\n', complaints);
        Assert.True(all.Length == 0, all);
    }

    /// <summary>Members are indented by one level and their braces stand alone, so a brace there opens a member or a nested type.</summary>
    private static IEnumerable<string> LongFunctions(string path)
    {
        var lines = File.ReadAllLines(path);
        for (var i = 1; i < lines.Length; i++)
        {
            var indent = lines[i].Length - 1;
            if (lines[i].Trim() != "{" || indent is not (4 or 8) || IsTypeHead(lines, i))
            {
                continue;
            }

            var closing = lines[i].Replace('{', '}');
            var end = Array.FindIndex(lines, i, line => line.StartsWith(closing, StringComparison.Ordinal));
            if (end - i - 1 > FunctionLines)
            {
                yield return $"{Relative(path)}:{i}: a function of {end - i - 1} lines";
            }
        }
    }

    private static bool IsTypeHead(string[] lines, int brace)
    {
        for (var i = brace - 1; i >= 0 && lines[i].Trim().Length > 0; i--)
        {
            if (Regex.IsMatch(lines[i], @"\b(class|record|struct|interface|enum|namespace|new)\b"))
            {
                return true;
            }
        }

        return false;
    }

    private static string WithoutComment(string line) => line.Split("//")[0];

    private static string Room(string path) => Path.GetRelativePath(_root, path).Split('/')[1];

    private static string Relative(string path) => Path.GetRelativePath(_root, path);

    private static IEnumerable<string> Code() => Sources("*.cs");

    private static IEnumerable<string> Sources(string pattern) =>
        ((string[])["harness", "generators", "zig-fixtures", "results"])
        .Select(folder => Path.Combine(_root, folder))
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories))
        .Where(path => !Regex.IsMatch(path, "/(bin|obj|runs|TestResults|\\.zig-cache)/"));
}
