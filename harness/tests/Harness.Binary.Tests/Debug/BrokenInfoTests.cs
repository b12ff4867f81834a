using Harness.Binary.Debug;
using Harness.Model;

namespace Harness.Binary.Tests.Debug;

/// <summary>
/// Broken debug information: bytes of real sections changed at random. Each file is read, all of its inlined calls asked for, or refused by
/// <see cref="InvalidDataException"/>, in bounded time and memory.
/// </summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class BrokenInfoTests(UnitBuilds builds)
{
    private const int MutantsPerSection = 80;

    /// <summary>Small enough that no mutant can ask for much.</summary>
    private static readonly ElfLimits _limits = new()
    {
        MaxDebugEntries = 200_000, MaxDebugRanges = 100_000, MaxAbbreviations = 5_000, MaxNameBytes = 4_096, MaxLineRows = 500_000, MaxLineFiles = 5_000,
    };

    [ZigTheory(Timeout = 600_000)]
    [InlineData(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)] // version 5, Zig's own
    [InlineData(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.Llvm)] // version 4, LLVM's
    [InlineData(Route.Attribute, OptimizeMode.ReleaseSmall, Backend.Llvm)] // for line tables alone, clang's
    public async Task Changed_bytes_are_read_or_refused(Route route, OptimizeMode mode, Backend backend)
    {
        var path = (await builds.GetAsync(route, mode, backend)).WorkerPath;
        var file = ElfExcerpt.Load(path, name => name.StartsWith(".debug_", StringComparison.Ordinal) && name is not ".debug_loc" and not ".debug_line");
        var original = file.Bytes.ToArray();
        var addresses = Enumerable.Range(0, 400).Select(i => 0x1000000UL + ((ulong)i * 997)).ToArray();
        await Task.Run(() =>
        {
            var (read, refused, state) = (0, 0, 7UL);
            foreach (var name in (string[])[".debug_info", ".debug_abbrev", ".debug_ranges", ".debug_rnglists", ".debug_str"])
            {
                if (file.Section(name) is not { Size: > 0 } section)
                {
                    continue;
                }

                for (var i = 0; i < MutantsPerSection; i++)
                {
                    var mutant = FuzzTests.Mutate(original, ref state, section.Offset, section.Offset + (int)section.Size);
                    try
                    {
                        Ask(mutant, addresses);
                        read++;
                    }
                    catch (InvalidDataException)
                    {
                        refused++;
                    }
                }
            }

            Assert.True(read > 30 && refused > 30, $"{read} read, {refused} refused: the mutants are not interesting");
        });
    }

    [Fact]
    public void A_list_of_ranges_that_many_entries_share_is_bounded()
    {
        var limits = _limits with { MaxDebugRanges = 10 };
        var file = ElfFile.Parse(InfoBuilder.SharedRanges(entries: 20), "built", limits);
        Assert.Contains("10 ranges", Assert.Throws<InvalidDataException>(() => DebugInfo.Read(file, LineTable.Read(file)).Inlined(InfoBuilder.Code)).Message);
    }

    [Fact]
    public void Entries_within_entries_are_bounded()
    {
        var file = ElfFile.Parse(InfoBuilder.Nested(depth: 600), "built", _limits);
        Assert.Contains("nests more than", Assert.Throws<InvalidDataException>(() => DebugInfo.Read(file, LineTable.Read(file)).Inlined(InfoBuilder.Code)).Message);
        var shallow = ElfFile.Parse(InfoBuilder.Nested(depth: 400), "built", _limits);
        Assert.Empty(DebugInfo.Read(shallow, LineTable.Read(shallow)).Inlined(InfoBuilder.Code));
    }

    private static void Ask(byte[] bytes, ulong[] addresses)
    {
        var file = ElfFile.Parse(bytes, "mutant", _limits);
        var info = DebugInfo.Read(file, LineTable.Read(file));
        foreach (var address in addresses)
        {
            info.Inlined(address);
        }
    }
}
