using System.Globalization;
using System.Runtime.InteropServices;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Execution.Tracing;

namespace Harness.Verification.Cores;

/// <summary>Writes the core of a traced process that is about to end.</summary>
internal sealed class CoreTaking(TracedProcess process) : IFrameMemory
{
    private const int PageBytes = 4096;

    /// <summary>Untouched memory of less than this between touched pages is written along: fewer stretches.</summary>
    private const int GapPages = 256;

    /// <summary>What cannot be read, or is the same in every process.</summary>
    private static readonly string[] _withoutContent = ["[vvar]", "[vvar_vclock]", "[vsyscall]"];

    public bool TryRead(ulong address, Span<byte> into) => process.TryRead(address, into);

    /// <summary>Writes nothing where the memory alone would be more than <paramref name="maxBytes"/>.</summary>
    /// <exception cref="InvalidDataException">The process has more mappings than a core has room for.</exception>
    public void Write(string path, Dying dying, long maxBytes)
    {
        var (stretches, mappings) = Maps();
        if (stretches.Where(s => s.HasContent).Sum(s => (long)(s.High - s.Low)) > maxBytes)
        {
            return;
        }

        var threads = dying.Threads.Select((t, i) => new CoreThread(t.Id, i == 0 ? dying.Signal : 0, Words(t.Registers))).ToList();
        var picture = new CorePicture(
            process.Id, Path.GetFileName(process.Program), threads, [.. dying.Threads.Select(t => t.FloatingPoint)], dying.SignalInfo, process.AuxiliaryVector(), mappings, stretches, this);
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
        CoreWriter.Write(file, picture);
    }

    private static CoreRegisters Words(UserRegisters registers) =>
        new(MemoryMarshal.Cast<UserRegisters, ulong>(MemoryMarshal.CreateReadOnlySpan(ref registers, 1)));

    private (List<CoreStretch> Stretches, List<CoreMapping> Mappings) Maps()
    {
        var (stretches, mappings) = (new List<CoreStretch>(), new List<CoreMapping>());
        foreach (var line in process.Maps())
        {
            // low-high access offset device inode [path]
            var parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            var dash = parts[0].IndexOf('-', StringComparison.Ordinal);
            var (low, high) = (Hex(parts[0][..dash]), Hex(parts[0][(dash + 1)..]));
            var path = parts.Length == 6 ? parts[5] : "";
            if (path.StartsWith('/'))
            {
                mappings.Add(new CoreMapping(low, high, Hex(parts[2]), path));
            }

            var access = Access(parts[1]);
            if (_withoutContent.Contains(path))
            {
                stretches.Add(new CoreStretch(low, high, access, HasContent: false));
            }
            else
            {
                Divide(stretches, low, high, access);
            }
        }

        return (stretches, mappings);
    }

    private static CoreAccess Access(string letters) =>
        (letters[0] == 'r' ? CoreAccess.Read : 0) | (letters[1] == 'w' ? CoreAccess.Write : 0) | (letters[2] == 'x' ? CoreAccess.Execute : 0);

    /// <summary>Arenas are hundreds of megabytes of which a few pages have been touched.</summary>
    private void Divide(List<CoreStretch> into, ulong low, ulong high, CoreAccess access)
    {
        if (process.TouchedPages(low, high) is not { } touched)
        {
            into.Add(new CoreStretch(low, high, access, HasContent: true));
            return;
        }

        var page = 0;
        while (page < touched.Length)
        {
            var first = page;
            page = Array.IndexOf(touched, true, page);
            page = page < 0 ? touched.Length : page;
            if (page > first)
            {
                into.Add(new CoreStretch(low + ((ulong)first * PageBytes), low + ((ulong)page * PageBytes), access, HasContent: false));
            }

            var begin = page;
            for (var gap = 0; page < touched.Length && gap < GapPages; page++)
            {
                gap = touched[page] ? 0 : gap + 1;
            }

            if (page > begin)
            {
                into.Add(new CoreStretch(low + ((ulong)begin * PageBytes), low + ((ulong)page * PageBytes), access, HasContent: true));
            }
        }
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
