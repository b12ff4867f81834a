using System.Text.RegularExpressions;
using Harness.Model;

namespace Harness.Emit.Tests;

public partial class SourceMapTests
{
    private static readonly IReadOnlyList<FiberProgram> _programs =
        [.. SampleTexts.All.Select(s => Samples.Caller(s.Body))];

    private static readonly EmittedUnit _unit = ZigEmitter.Emit(_programs);
    private static readonly string[] _lines = _unit.Source.Split('\n');

    [Fact]
    public void every_site_has_a_line_of_its_own()
    {
        var seen = new HashSet<int>();
        foreach (var (index, program) in _programs.Index())
        {
            var statements = program.Functions.SelectMany(f => StatementTree.All(f.Body));
            foreach (var site in statements.SelectMany(StatementTree.Sites))
            {
                Assert.True(seen.Add(_unit.Map.LineOfSite(index, site)), $"program {index} site {site}");
            }
        }
    }

    [Fact]
    public void the_line_of_a_site_names_it_or_makes_the_call()
    {
        foreach (var (index, program) in _programs.Index())
        {
            foreach (var function in program.Functions)
            {
                foreach (var statement in StatementTree.All(function.Body))
                {
                    var wanted = statement switch
                    {
                        Statement.Call call => $"_{call.Function}",
                        Statement.TailCall call => $"return fetch_{call.Function}(",
                        Statement.Probe probe => $"rt.probe({probe.Site}, @errorReturnTrace());",
                        Statement.Raise raise => $"rt.raised({raise.Site}, ",
                        Statement.Acquire acquire => $"= rt.acquire({acquire.Site}, ",
                        Statement.Lock taken => $"try rt.lock({taken.Site}, ",
                        _ => null,
                    };
                    if (wanted is null) continue;
                    var line = _unit.Map.LineOfSite(index, StatementTree.SiteOf(statement)!.Value);
                    Assert.Contains(wanted, _lines[line - 1], StringComparison.Ordinal);
                    Assert.Equal(new SourceOwner.Function(index, function.Id), _unit.Map.OwnerOfLine(line));
                }
            }
        }
    }

    [Fact]
    public void checkpoints_and_fiber_entries_are_where_the_map_says()
    {
        foreach (var (index, program) in _programs.Index())
        {
            foreach (var function in program.Functions)
            {
                var line = _unit.Map.CheckpointLine(index, function.Id);
                Assert.Equal(
                    $"{(function.IsFallible ? "try rt.checkpoint" : "rt.enter")}({index}, {function.Id});",
                    _lines[line - 1].Trim());
                Assert.Equal(new SourceOwner.Function(index, function.Id), _unit.Map.OwnerOfLine(line));
            }

            var entry = _unit.Map.FiberEntryLine(index, 0);
            Assert.Contains("start_0(", _lines[entry - 1], StringComparison.Ordinal);
            Assert.Equal(new SourceOwner.FiberEntry(index, 0), _unit.Map.OwnerOfLine(entry));
        }
    }

    [Fact]
    public void a_function_owns_its_lines_from_its_header_to_its_brace_and_nothing_else_is_owned()
    {
        SourceOwner? previous = null;
        foreach (var (index, line) in _lines.Index())
        {
            var owner = _unit.Map.OwnerOfLine(index + 1);
            var header = Header().IsMatch(line);
            Assert.True(!header || (owner is not null && owner != previous), $"line {index + 1}: {line}");
            Assert.True(owner == previous || header || owner is null, $"line {index + 1}: {line}");
            previous = owner;
        }

        Assert.Null(_unit.Map.OwnerOfLine(0));
        Assert.Null(_unit.Map.OwnerOfLine(_lines.Length + 1));
        Assert.Equal(_lines.Length - 1, _unit.Map.LineCount);
    }

    [Fact]
    public void what_is_not_in_the_unit_has_no_line()
    {
        Assert.Throws<ArgumentException>(() => _unit.Map.LineOfSite(0, 12345));
        Assert.Throws<ArgumentException>(() => _unit.Map.CheckpointLine(_programs.Count, 0));
        Assert.Throws<ArgumentException>(() => _unit.Map.FiberEntryLine(0, 1));
    }

    [GeneratedRegex(@"\bfn \w+\(.*\{$")]
    private static partial Regex Header();
}
