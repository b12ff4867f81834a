using System.Globalization;
using System.Text.RegularExpressions;
using Harness.Model;
using Harness.Toolchain;

namespace Harness.Binary.Tests;

/// <summary>Checks of the assembly route in real objects: which functions have them, and what the audit refuses.</summary>
[Collection(UnitBuildsCollection.Name)]
public sealed partial class InlineCheckTests(UnitBuilds builds)
{
    private static readonly InjectionOptions _options = InjectionOptions.Default with
    {
        LimitSlot = LimitSlot.Own, Excluded = [.. InjectionOptions.Default.Excluded, "unit.naked"],
    };

    [ZigTheory(Timeout = 300_000)]
    [InlineData(OptimizeMode.Debug)]
    [InlineData(OptimizeMode.ReleaseFast)]
    public async Task What_code_says_agrees_with_what_the_compilers_IR_says(OptimizeMode mode)
    {
        var raw = ElfFile.Parse(await builds.RawObjectAsync(Route.Assembly, mode, Backend.Llvm), "unit");
        var plan = InlineCheckPlan.Of(raw, InjectionOptions.Default with { Excluded = [] });
        var ir = await File.ReadAllBytesAsync(Path.Combine(
            Path.GetDirectoryName((await builds.GetAsync(Route.Attribute, mode, Backend.Llvm)).WorkerPath)!, "unit.ll"));
        var expected = SplitStackIr.Rewrite(ir, InjectionOptions.Default with { Excluded = [] }).Unsplit;

        Assert.Equal(expected.Where(e => plan.Unsplit.ContainsKey(e.Key)).OrderBy(e => e.Key), plan.Unsplit.OrderBy(e => e.Key));
        Assert.Equal(UnsplitReason.Naked, plan.Unsplit["unit.naked"]);
        Assert.Equal(UnsplitReason.AsksReturnAddress, plan.Unsplit["unit.whoCalls"]);
        Assert.Equal(0, plan.UnknownFrames);
        Assert.Empty(expected.Keys.Intersect(plan.Checks.Keys));
        Assert.True(mode is not OptimizeMode.Debug || plan.Checks.Values.Any(check => (check.Sizes >> 20 & 0x7ff) is > 0 and < 8 && check.Sizes < 0), "no function's stack arguments were counted");
    }

    [ZigFact(Timeout = 300_000)]
    public async Task The_audit_sees_each_part_of_a_check_that_is_not_what_it_has_to_be()
    {
        var built = await builds.GetAsync(Route.Assembly, OptimizeMode.Debug, Backend.Llvm);
        var bytes = await File.ReadAllBytesAsync(UnitBuilds.InjectedObject(built));
        var whole = ElfFile.Parse(bytes, "unit");
        var function = whole.Symbols.First(symbol => symbol.Name == "unit.bigFrame");
        var start = whole.Sections[function.Section].Offset + (int)function.Value;
        var end = start + (int)function.Size;
        Assert.DoesNotContain("unit.bigFrame", Missing(bytes));

        // lea's displacement, the compare itself, jbe; then what is pushed, ret, and the jump's distance from the end.
        foreach (var at in new[] { start + 4, start + 9, start + 25, end - 15, end - 6, end - 4 })
        {
            var changed = bytes.ToArray();
            changed[at] ^= 0x40;
            Assert.Contains("unit.bigFrame", Missing(changed));
        }

        // A limit in another place.
        Assert.Contains("unit.bigFrame", InlineCheckAudit.Run(whole, new Dictionary<string, UnsplitReason>(), InjectionOptions.Default).Unsplit.Select(f => f.Name));
    }

    [ReadelfTheory(Timeout = 300_000)]
    [InlineData(OptimizeMode.Debug)]
    [InlineData(OptimizeMode.ReleaseSmall)]
    public async Task The_rows_of_a_check_are_right_on_both_ends_of_the_function(OptimizeMode mode)
    {
        var built = await builds.GetAsync(Route.Assembly, mode, Backend.Llvm);
        var file = ElfFile.Load(built.WorkerPath);
        var text = await Tools.RunAsync("readelf", "-W", "--debug-dump=frames-interp", built.WorkerPath);
        var seen = 0;
        foreach (var function in file.Symbols.Where(s => s.Name is "unit.fibonacci" or "unit.bigFrame" or "unit.calls"))
        {
            var entry = text.Split("\n\n").Single(e => e.Contains(string.Create(
                CultureInfo.InvariantCulture, $"pc={function.Value:x16}..{function.Value + function.Size:x16}"), StringComparison.Ordinal));
            var rows = Row().Matches(entry).Select(m => (m.Groups["cfa"].Value, Saved: m.Groups["saved"].Value.Trim())).ToList();
            // The cold block, at the end: just entered, the sizes pushed, and gone again with nothing saved but the return address.
            Assert.Equal(["rsp+8", "rsp+16", "rsp+8"], rows[^3..].Select(row => row.Item1));
            Assert.All(rows[^3..], row => Assert.Matches(@"^(u\s+)*c-8$", row.Saved));
            Assert.Equal("rsp+8", rows[0].Item1);
            seen++;
        }

        Assert.Equal(3, seen);
    }

    private static List<string> Missing(byte[] bytes) =>
        [.. InlineCheckAudit.Run(ElfFile.Parse(bytes, "unit"), new Dictionary<string, UnsplitReason>(), _options).Unsplit
            .Where(f => f.Reason is UnsplitReason.CheckMissing).Select(f => f.Name)];

    [GeneratedRegex(@"^[0-9a-f]{16} (?<cfa>\S+) +(?<saved>.*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Row();
}
