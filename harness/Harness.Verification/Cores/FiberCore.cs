using System.Runtime.InteropServices;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;

namespace Harness.Verification.Cores;

/// <summary>A core in which each fiber that does not run is one more thread, for tools that know threads only.</summary>
public static class FiberCore
{
    /// <summary>Of the first of them; beyond all numbers that Linux gives to threads.</summary>
    public const int FirstThread = 1 << 23;

    /// <summary>Writes it.</summary>
    /// <returns>Our own chains by thread.</returns>
    /// <exception cref="InvalidDataException">The files cannot be used.</exception>
    public static IReadOnlyDictionary<int, CoreChain> Write(string corePath, string workerPath, string into)
    {
        using var image = CoreImage.Open(corePath, workerPath);
        var (core, map) = (image.Core, CoreMap.Read(image));
        var audit = new ChainAudit(image, []);
        var threads = core.Threads.Select(t => (Thread: t, Chain: audit.Walk(t.Registers, isExact: true, [], ""))).ToList();
        foreach (var fiber in map.Fibers.Where(f => f.State is CoreFiberState.Ready or CoreFiberState.Waiting))
        {
            if (SavedContext.Read(core, fiber.Rsp) is { } registers)
            {
                // A tool takes it for interrupted there.
                threads.Add((new CoreThread(FirstThread + fiber.Index, 0, Words(registers, core.Threads[0])), audit.Walk(registers, isExact: true, [], "")));
            }
        }

        var picture = new CorePicture(
            core.Threads[0].Id, Path.GetFileName(workerPath), [.. threads.Select(t => t.Thread)], [], null, AuxiliaryVector(core), core.Mappings,
            [.. core.Regions.Select(r => new CoreStretch(r.Low, r.High, r.Access, r.FileBytes == r.High - r.Low))], core);
        using var file = File.OpenHandle(into, FileMode.Create, FileAccess.ReadWrite);
        CoreWriter.Write(file, picture);
        return threads.ToDictionary(t => t.Thread.Id, t => t.Chain);
    }

    /// <summary>What is not saved is as in a thread of the process: segment bases above all.</summary>
    private static CoreRegisters Words(FrameRegisters registers, CoreThread other)
    {
        var words = other.Words.Words.ToArray();
        for (var i = 0; i < words.Length; i++)
        {
            if (CoreRegisters.DwarfOf(i) is var dwarf and >= 0)
            {
                words[i] = registers[dwarf] ?? 0;
            }
        }

        return new CoreRegisters(words);
    }

    private static byte[] AuxiliaryVector(CoreFile core) =>
        [.. MemoryMarshal.AsBytes<ulong>(core.Auxiliary.SelectMany(pair => new[] { pair.Key, pair.Value }).Concat(new ulong[] { 0, 0 }).ToArray())];
}
