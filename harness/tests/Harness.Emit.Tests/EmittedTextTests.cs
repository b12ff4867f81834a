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
    public async Task every_sample_is_what_zig_fmt_would_make_of_it()
    {
        using var zig = new ZigTool();
        var unit = ZigEmitter.Emit(SampleTexts.All.Select(s => Samples.Caller(s.Body)).ToList());

        await zig.AssertFormattedAsync(zig.Write("unit.zig", unit.Source));
    }
}
