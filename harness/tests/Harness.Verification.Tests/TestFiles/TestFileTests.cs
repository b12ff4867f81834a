using Harness.Model;
using Harness.Tests;
using Harness.Toolchain;
using Harness.Verification.TestFiles;

namespace Harness.Verification.Tests.TestFiles;

/// <summary>Files of tests: one that has a test for every verdict, in both default cells; planted defects; the library's files that do not compile.</summary>
public sealed class TestFileTests : IDisposable
{
    private static readonly TestFile _sample = new(Tools.Fixtures.PathOf("programs/tests/sample.zig"), [], []);
    private readonly Scratch _scratch = new();

    public static TheoryData<Cell> Cells() =>
    [
        new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), new Cell(Route.Attribute, OptimizeMode.ReleaseSafe, Backend.Llvm),
    ];

    public void Dispose() => _scratch.Dispose();

    [ZigTheory]
    [MemberData(nameof(Cells))]
    public async Task every_verdict_is_given_to_the_test_that_has_it(Cell cell)
    {
        var results = await RunAsync(_sample, cell, null);
        Assert.Equal(17, results.Count);
        Assert.All(results.Keys, name => Assert.Matches(results[name] switch
        {
            TestVerdict.Held => @"^(holds|prints|passes once)",
            TestVerdict.Skipped => "^skips$",
            TestVerdict.FailedAnyway => "anyway$",
            TestVerdict.Broken => "^broken: ",
            _ => "nothing is unsteady",
        }, name));
        foreach (var what in (string[])["result", "output", "leaks", "memory", "died", "hung"])
        {
            var test = Assert.IsType<TestVerdict.Broken>(results[$"broken: {what}"]);
            Assert.Contains(test.Differences, difference => difference.What == what);
            Assert.All(test.Differences, difference => Assert.True(difference.Attempt > TestAttempts.FirstInFiber, $"{difference}"));
        }

        Assert.Contains(Assert.IsType<TestVerdict.Broken>(results["broken: output"]).Differences, d => (d.Expected, d.Observed) == ("near\n", "far\n"));
        Assert.Contains("died", Assert.IsType<TestVerdict.FailedAnyway>(results["dies anyway"]).Reason);
        Assert.Equal("error.Wrong", Assert.IsType<TestVerdict.FailedAnyway>(results["fails anyway"]).Reason);
    }

    [ZigFact]
    public async Task a_planted_defect_of_the_stubs_breaks_tests_that_hold_without_it()
    {
        var defect = PlantedDefect.Named("return_rax")!;
        var file = _sample with { Filters = ["holds after all"] };
        var cell = new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted);
        Assert.Contains((await RunAsync(file, cell, defect)).Values, verdict => verdict is TestVerdict.Broken);
        Assert.All((await RunAsync(file, cell, null)).Values, verdict => Assert.IsType<TestVerdict.Held>(verdict));
    }

    [ZigFact]
    public async Task a_file_that_does_not_compile_is_refused_with_the_compilers_words()
    {
        var path = _scratch["broken.zig"];
        await File.WriteAllTextAsync(path, "test \"x\" { nothing(); }\n");
        var outcome = await Builder(null).BuildTestsAsync(new TestFile(path, [], []), new Cell(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted), _scratch.Path, CancellationToken.None);
        Assert.Contains("use of undeclared identifier 'nothing'", Assert.IsType<BuildOutcome.Rejected>(outcome).Diagnostics);
    }

    [Fact]
    public void filters_leave_the_tests_of_a_file_out_and_no_others()
    {
        var std = Directory.CreateDirectory(_scratch["std"]).FullName;
        Directory.CreateDirectory(Path.Combine(std, "flate"));
        File.WriteAllText(Path.Combine(std, "press.zig"), "test \"kept\" {}\ntest Kept {}\n");
        File.WriteAllText(Path.Combine(std, "flate", "Decompress.zig"), "test \"lost\" {}\n");
        File.WriteAllText(Path.Combine(std, "other.zig"), "    test \"kept too\" {}\n// test \"not one\" {}\n");
        // "press.test." would let "flate.Decompress.test.lost" in.
        Assert.Equal<string>(
            ["other.test.", "press.decltest.Kept", "press.test.kept"],
            StandardLibraryTests.Filters(std, [Path.Combine("flate", "Decompress.zig")]));
    }

    [Fact]
    public void the_tests_of_a_library_are_compiled_in_parts_where_an_object_would_have_too_many_sections()
    {
        var file = new TestFile("/std.zig", [], [.. Enumerable.Range(0, 200).Select(i => $"f{i}.test.")]);
        Assert.InRange(file.Parts(Backend.SelfHosted).Length, 2, 4);
        Assert.InRange(file.Parts(Backend.Llvm).Length, 5, 10);
        foreach (var backend in Enum.GetValues<Backend>())
        {
            Assert.Equal(file.Filters, file.Parts(backend).SelectMany(part => part.Filters));
            Assert.Same(_sample, Assert.Single(_sample.Parts(backend)));
        }
    }

    [Fact]
    public void filters_that_let_in_each_others_tests_are_in_one_part()
    {
        var file = new TestFile("/std.zig", [], ["b.a.test.", .. Enumerable.Range(0, 100).Select(i => $"f{i}.test."), "c.test.", "a.test.", "x.c.test.", "y.c.b.a.test."]);
        var parts = file.Parts(Backend.Llvm);
        Assert.Equal(file.Filters.Order(), parts.SelectMany(part => part.Filters).Order());
        Assert.Single(parts, part => part.Filters.Contains("a.test.") && part.Filters.Contains("b.a.test.") && part.Filters.Contains("y.c.b.a.test."));
        Assert.Single(parts, part => part.Filters.Contains("c.test.") && part.Filters.Contains("x.c.test."));
    }

    [Fact]
    public void a_test_that_two_parts_have_is_one_and_broken_if_one_of_them_broke_it()
    {
        TestResult Of(int index, string name, bool broken) => new(index, name, broken ? new TestVerdict.Broken([]) : new TestVerdict.Held(), 13, 1);
        var joined = TestResult.Joined([Of(0, "a", false), Of(1, "b", false), Of(0, "c", false), Of(1, "a", true), Of(2, "b", false)]).ToList();
        Assert.Equal([(0, "a", true), (1, "b", false), (2, "c", false)], joined.Select(result => (result.Index, result.Name, result.Verdict is TestVerdict.Broken)));
    }

    [Theory]
    [InlineData("@end 1 2 ok")]
    [InlineData("@end x 2 ok - 0 0 0 0 0 0 0")]
    [InlineData("@end 1 2 fine - 0 0 0 0 0 0 0")]
    [InlineData("@count -1")]
    [InlineData("hello")]
    [InlineData("")]
    public void what_is_no_line_of_the_runner_is_refused(string line) => Assert.Throws<InvalidDataException>(() => TestLine.Parse(line));

    private async Task<IReadOnlyDictionary<string, TestVerdict>> RunAsync(TestFile file, Cell cell, PlantedDefect? defect)
    {
        var outcome = await Builder(defect).BuildTestsAsync(file, cell, _scratch.Path, CancellationToken.None);
        var built = Assert.IsType<BuildOutcome.Built>(outcome);
        // Endless loops, of the sample's and those that a lost return value makes, are waited for briefly.
        var limits = new TestLimits(TestLimits.Default.Silence, TimeSpan.FromMilliseconds(700), 1);
        var session = new TestSession(await Tools.Cache.ProcessesAsync(CancellationToken.None), limits);
        var results = await session.RunAsync(built.WorkerPath, _scratch.Path, _ => { }, CancellationToken.None);
        return results.ToDictionary(result => result.Name["sample.test.".Length..], result => result.Verdict);
    }

    private static WorkerBuilder Builder(PlantedDefect? defect) => new(Tools.Fixtures, Tools.Cache, RuntimeRecipe.Tests.With(defect));
}
