using Harness.Model;

namespace Harness.Emit.Tests;

public class EmittedTextTests
{
    public static TheoryData<string> Names => [.. SampleTexts.All.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void each_statement_is_written_as_a_person_would(string name)
    {
        var sample = SampleTexts.All.Single(s => s.Name == name);
        var source = ZigEmitter.Emit([Samples.Caller(sample.Body)]).Source;

        var expected = string.Concat(sample.Zig.Split('\n').Select(line => $"        {line}\n"));
        Assert.Contains(expected, source, StringComparison.Ordinal);
    }

    [Fact]
    public async Task every_sample_is_formatted_and_compiles_in_every_mode_and_with_both_backends()
    {
        var programs = SampleTexts.All.Select(s => Samples.Caller(s.Body)).ToList();
        var unit = ZigEmitter.Emit(programs);
        using var zig = new ZigTool();

        await zig.AssertFormattedAsync(zig.Write("unit.zig", unit.Source));
        await zig.CompileAsync(unit, "selfhosted", "-fno-llvm");
        await zig.CompileAsync(unit, "debug", "-fllvm");
        foreach (var mode in Enum.GetNames<OptimizeMode>().Where(m => m != nameof(OptimizeMode.Debug)))
        {
            await zig.CompileAsync(unit, mode, "-fllvm", "-O", mode);
        }
    }
}
