using System.Collections.Immutable;
using Harness.Verification.Abi;

namespace Harness.Verification.Tests.Abi;

/// <summary>What is said of two fingerprints, their file, and what the driver prints; all without running anything.</summary>
public sealed class AbiComparisonTests
{
    private static readonly AbiFingerprint _before = new(
        "0.16.0",
        [
            new AbiCellFacts("selfhosted/Debug", null,
            [
                new AbiFact(AbiTopic.Arguments, ".auto", "(u64) void", "rax"), new AbiFact(AbiTopic.Preserves, ".auto", "r9", "yes"), new AbiFact(AbiTopic.ReliesOn, ".auto", "r11", "no"),
                new AbiFact(AbiTopic.Result, ".auto", "u128", "[rax], pointer in rax"), new AbiFact(AbiTopic.FramePointer, ".c", "caller", "yes"),
            ]),
            new AbiCellFacts("llvm/ReleaseFast", null, [new AbiFact(AbiTopic.RedZone, ".auto", "function without calls", "48 bytes")]),
            new AbiCellFacts("split-stack attribute", null, [new AbiFact(AbiTopic.LimitSlot, "", "x86_64-linux-gnu", "fs:0x70")]),
        ]);

    [Fact]
    public void Nothing_differs_from_itself() => Assert.Empty(AbiComparison.Differences(_before, _before));

    [Theory]
    [InlineData(0, 0, "rdi", "arguments of `.auto` (u64) void were in rax and are in rdi on the self-hosted backend (Debug)")]
    [InlineData(0, 1, "no", "r9 is no longer preserved by `.auto` on the self-hosted backend (Debug)")]
    [InlineData(0, 2, "yes", "callers of `.auto` functions now rely on r11 on the self-hosted backend (Debug)")]
    [InlineData(0, 3, "rax rdx", "the result u128 of `.auto` functions was in [rax], pointer in rax and is in rax rdx on the self-hosted backend (Debug)")]
    [InlineData(0, 4, "no", "a `.c` caller no longer keeps a frame pointer on the self-hosted backend (Debug)")]
    [InlineData(1, 0, "0 bytes", "what a `.auto` function without calls writes below rsp was 48 bytes and is 0 bytes on LLVM's backend (ReleaseFast)")]
    [InlineData(2, 0, "fs:0x78", "the limit slot for x86_64-linux-gnu was fs:0x70 and is fs:0x78 in split-stack attribute")]
    public void A_difference_is_a_sentence(int cell, int fact, string value, string sentence)
    {
        var old = _before.Cells[cell];
        var changed = _before with { Cells = _before.Cells.SetItem(cell, old with { Facts = old.Facts.SetItem(fact, old.Facts[fact] with { Value = value }) }) };
        Assert.Equal([sentence], AbiComparison.Differences(_before, changed).ToArray());
    }

    [Fact]
    public void What_came_and_went_is_told()
    {
        var selfHosted = _before.Cells[0];
        var after = _before with
        {
            Cells = [selfHosted with { Facts = selfHosted.Facts.RemoveAt(0).Add(new AbiFact(AbiTopic.Preserves, ".auto", "r10", "yes")) }, new AbiCellFacts("llvm/ReleaseFast", "error: one\ntwo", []), new AbiCellFacts("llvm/Debug", null, [])],
        };
        Assert.Equal(
            [
                "whether `.auto` preserves r10, not measured before, is yes on the self-hosted backend (Debug)",
                "the place of arguments of `.auto` (u64) void is no longer measured on the self-hosted backend (Debug)",
                "nothing can be measured any more on LLVM's backend (ReleaseFast): error: one",
                "llvm/Debug was not measured before", "split-stack attribute is no longer measured",
            ],
            AbiComparison.Differences(_before, after).ToArray());
    }

    [Fact]
    public void A_file_has_all_of_a_fingerprint()
    {
        var text = AbiJson.Write(_before);
        var read = AbiJson.Read(text);
        Assert.Equal(text, AbiJson.Write(read));
        Assert.Empty(AbiComparison.Differences(_before, read));
        Assert.Equal(_before.Cells.Sum(cell => cell.Facts.Length), read.Cells.Sum(cell => cell.Facts.Length));
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "no JSON")]
    [InlineData("{}", "lacks `zig` or `cells`")]
    [InlineData("""{"schema": 2, "zig": "1", "cells": []}""", "it has schema 2")]
    [InlineData("""{"schema": 1, "zig": "1", "cells": [null]}""", "a cell lacks")]
    [InlineData("""{"schema": 1, "zig": "1", "cells": [{"cell": "a", "facts": {"7": {}}}]}""", "facts about '7'")]
    [InlineData("""{"schema": 1, "zig": "1", "cells": [{"cell": "a", "facts": {"Preserves .auto": {"r9": null}}}]}""", "is null")]
    [InlineData("""{"schema": 1, "zig": "1", "cells": [{"cell": "a", "facts": {"Preserves .auto .c": {}}}]}""", "cannot be read")]
    public void A_file_that_is_none_is_refused(string json, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<InvalidDataException>(() => AbiJson.Read(json)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", "the dump ends early")]
    [InlineData("areas 1000 bytes 200\n", "the dump ends early")]
    [InlineData("areas 1000 bytes 200\nend 2\n", "counts other probes")]
    [InlineData("areas zz bytes 200\nend 1\n", "'zz' is no number")]
    [InlineData("areas 1000 bytes 200\nsends 0 0 0 0 x\nend 1\n", "probe 0 is one that leaf")]
    [InlineData("areas 1000 bytes 200\nleaf 1 0 0 0 x\nend 1\n", "1 is more than 0")]
    [InlineData("areas 1000 bytes 200\nleaf 0 9 0 0 x\nend 1\n", "9 is more than 2")]
    [InlineData("areas 1000 bytes 200\nleaf 0 0 0 0\nend 1\n", "a line of probe 0 has 0 fields")]
    [InlineData("areas 1000 bytes 200\nleaf 0 0 0 0 q 1\nend 1\n", "a field of the dump is no number")]
    [InlineData("areas 1000 bytes 200\nend 1\nend 1\nleaf 0 0 0 0 0 1\n", "not a line of the driver's")]
    public void A_dump_that_is_none_is_refused(string text, string complaint) => Assert.Contains(
        complaint, Assert.Throws<InvalidDataException>(() => AbiReading.Of(text, [new AbiProbe.Leaf(AbiConvention.Auto)])).Message, StringComparison.Ordinal);

    /// <summary>Bytes of a real dump's kind, damaged at every place: a fingerprint or a complaint, nothing else.</summary>
    [Fact]
    public void A_damaged_dump_is_read_or_refused()
    {
        ImmutableArray<AbiProbe> probes = [new AbiProbe.Receives(AbiSignature.WithArguments[0]), new AbiProbe.Sends(AbiSignature.WithArguments[0]), new AbiProbe.Traces("void"), new AbiProbe.Leaf(AbiConvention.C)];
        var whole = "areas 1000 bytes 200\nreceives 0 0 0 0 4 0 ,01\nsends 1 0 0 0 1,2 ff 00 11 22 1 01\ntraces 2 0 0 0 9\nleaf 3 0 0 0 30 1\nend 4\n";
        for (var at = 0; at < whole.Length; at++)
        {
            foreach (var replacement in (string[])["", "f", " ", ",", ":", "\n", "9999999999999999999"])
            {
                try
                {
                    AbiReading.Of(whole[..at] + replacement + whole[(at + 1)..], probes);
                }
                catch (InvalidDataException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            }
        }
    }
}
