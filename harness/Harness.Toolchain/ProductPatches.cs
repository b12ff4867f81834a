using System.Collections.Frozen;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>
/// The planted defects that only the product's own tests can find, as changes of its sources' text: most are in its memory, which campaigns use for growth alone.
/// What each is, says <see cref="PlantedDefects"/>.
/// </summary>
public static class ProductPatches
{
    private const string Pool = "pool.zig";
    private const string Entered = "    call hs_rt_signal\n    mov %rbx, TLS(THREAD_SYSTEM_RSP)\n";

    private static readonly FrozenDictionary<string, ProductPatch> _all = new Dictionary<string, ProductPatch>
    {
        ["pool_trim_keeps"] = new(Pool, "        while (takeCached(&hs_thread.cache, class)) |low| giveToAll(class, low);", "        _ = class;"),
        ["pool_first_kept"] = new(Pool, "    if (bytes > first_kept_bytes) kernel.forget", "    if (bytes < first_kept_bytes) kernel.forget"),
        ["pool_leave_keeps"] = new(Pool, "    hs_pool_trim();\n    for (&hs_thread", "    for (&hs_thread"),
        ["pool_hoards"] = new(Pool, "class >= cached_class_max or cache.kept_bytes[index] + bytes > cache.room_bytes", "class >= cached_class_max"),
        ["edge_uncached"] = new(Pool, "pub inline fn keeps(_: *abi.Thread) bool {\n    return true;", "pub inline fn keeps(_: *abi.Thread) bool {\n    return false;"),
        ["trim_below"] = new("host.zig", "    if (high > low) _ = linux.madvise(", "    if (high < low) _ = linux.madvise("),
        ["upfront_short"] = new("host.zig", "upfront + start_bytes else 0;", "upfront / 2 + start_bytes else 0;"),
        ["handler_entry"] = new("fiber.S", Entered + "    mov %r12, LIMIT_SLOT\n", Entered),
    }.ToFrozenDictionary();

    public static IReadOnlyCollection<string> Names => _all.Keys;

    /// <exception cref="ArgumentException">Not the product's, or there is no text for it.</exception>
    public static ProductPatch Of(PlantedDefect defect)
    {
        ArgumentNullException.ThrowIfNull(defect);
        return _all.TryGetValue(defect.Name, out var patch) ? patch : throw new ArgumentException($"{defect.Name} has no text in ProductPatches", nameof(defect));
    }
}

/// <summary>Another text at one place of the product.</summary>
/// <param name="File">In <c>zig-fixtures/runtime</c>.</param>
/// <param name="Find">What stands there, once in the file.</param>
/// <param name="Replace">What stands there instead.</param>
public sealed record ProductPatch(string File, string Find, string Replace)
{
    /// <exception cref="ToolchainException">The text is not there, or more than once.</exception>
    public string Changed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.IndexOf(Find, StringComparison.Ordinal);
        return at >= 0 && text.IndexOf(Find, at + 1, StringComparison.Ordinal) < 0
            ? text.Remove(at, Find.Length).Insert(at, Replace)
            : throw new ToolchainException($"{File} has `{Find.Trim()}` not once: a planted defect has lost its place; adapt ProductPatches.cs");
    }
}
