using System.Globalization;
using System.Text;

namespace Harness.Verification.Abi;

/// <summary>The probes as one unit of Zig, which zig-fixtures/abi/driver.zig runs. Its functions are named after their kind and number.</summary>
public static class AbiUnit
{
    private const int SlotBytes = 128;

    /// <summary>The name of a probe's function in the object.</summary>
    public static string SymbolOf(int index) => $"unit.{NameOf(index)}";

    private static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"{AbiProbe.All[index].Kind}_{index}");

    /// <summary>The unit's source.</summary>
    public static string Write()
    {
        var text = new StringBuilder("const t = @import(\"table\");\n")
            .Append("pub const panic = @import(\"std\").debug.no_panic;\n")
            .Append(AbiType.Declarations).Append('\n')
            .Append("inline fn folded(comptime T: type, a: T, b: T) T {\n    return if (T == u64 or T == u32) a +% b else a + b;\n}\n");
        for (var i = 0; i < AbiProbe.All.Length; i++)
        {
            Append(text, i, AbiProbe.All[i]);
        }

        text.Append("const list = [_]t.Probe{\n");
        for (var i = 0; i < AbiProbe.All.Length; i++)
        {
            text.Append(Entry(i, AbiProbe.All[i]));
        }

        return text.Append("};\nexport const hs_abi_probes: [*]const t.Probe = &list;\nexport const hs_abi_probe_count: u64 = list.len;\n").ToString();
    }

    private static void Append(StringBuilder text, int index, AbiProbe probe)
    {
        var name = NameOf(index);
        text.Append(probe switch
        {
            AbiProbe.Receives { Signature: var s } =>
                $"fn {name}({List(s, i => $"a{i}: {s.Arguments[i]}")}) {CallConv(s.Convention)} void {{\n{Lines(s, i => $"    t.store({s.Arguments[i]}, {i}, a{i});\n")}    t.own({index});\n}}\n",
            AbiProbe.Sends { Signature: var s } =>
                $"fn {name}() callconv(.c) void {{\n    t.target(*const fn ({List(s, i => $"{s.Arguments[i]}")}) {CallConv(s.Convention)} void)({List(s, i => $"t.load({s.Arguments[i]}, {i})")});\n    t.own({index});\n}}\n",
            AbiProbe.Gives { Signature: var s } => $"fn {name}() {CallConv(s.Convention)} {s.Result} {{\n    return t.load({s.Result}, 0);\n}}\n",
            AbiProbe.Takes { Signature: var s } => $"fn {name}() callconv(.c) void {{\n    t.store({s.Result}, 0, t.target(*const fn () {CallConv(s.Convention)} {s.Result})());\n}}\n",
            AbiProbe.Holds holds => $"fn {name}() {CallConv(holds.Convention)} void {{\n{holds.Body}}}\n",
            AbiProbe.Keeps keeps => Keeper(name, index, keeps),
            AbiProbe.Traces traces => $"fn {name}() anyerror!{traces.Result} {{\n    if (t.load(u64, 0) == 1) return error.B;\n    return error.A;\n}}\n",
            AbiProbe.Leaf leaf => $"fn {name}() {CallConv(leaf.Convention)} void {{\n    var local: [6]u64 = undefined;\n    const p: [*]volatile u64 = &local;\n{Lines(6, i => $"    p[{i}] = t.load(u64, {i});\n")}    t.store(u64, 0, p[0] ^ p[5]);\n}}\n",
            _ => throw new System.Diagnostics.UnreachableException(),
        });
    }

    private static string Keeper(string name, int index, AbiProbe.Keeps keeps)
    {
        var call = $"t.target(*const fn () {CallConv(keeps.Convention)} void)();";
        var number = index.ToString(CultureInfo.InvariantCulture);
        var body = keeps.Body.Replace("CALL", call, StringComparison.Ordinal).Replace("FAILS", number, StringComparison.Ordinal);
        var failing = body.Contains("fails_", StringComparison.Ordinal)
            ? AbiBodies.Failing.Replace("CALL", call, StringComparison.Ordinal).Replace("FAILS", number, StringComparison.Ordinal)
            : "";
        return $"{failing}fn {name}() callconv(.c) void {{\n{body}}}\n";
    }

    private static string Entry(int index, AbiProbe probe)
    {
        var slots = probe.Slots;
        var sizes = string.Join(", ", slots.Select(type => $"@sizeOf({type})"));
        var fixes = slots.SelectMany((type, slot) => type.Legal.Select(legal => $".{{ .offset = {(slot * SlotBytes) + legal.Offset}, .keep = {legal.Keep}, .set = {legal.Set} }}")).ToList();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"    .{{ .kind = .{probe.Kind}, .count = {slots.Length}, .code = @ptrCast(&{NameOf(index)}), .sizes = &[_]u32{{{sizes}}}, .fixes = &[_]t.Fix{{{string.Join(", ", fixes)}}}, .fix_count = {fixes.Count} }},\n");
    }

    private static string CallConv(AbiConvention convention) => convention is AbiConvention.C ? "callconv(.c)" : "callconv(.auto)";

    private static string List(AbiSignature signature, Func<int, string> item) => string.Join(", ", Enumerable.Range(0, signature.Arguments.Length).Select(item));

    private static string Lines(AbiSignature signature, Func<int, string> line) => Lines(signature.Arguments.Length, line);

    private static string Lines(int count, Func<int, string> line) => string.Concat(Enumerable.Range(0, count).Select(line));
}
