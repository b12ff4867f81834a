using System.Buffers.Binary;
using Harness.Binary.StackUse;
using Harness.Model;

namespace Harness.Binary.Tests;

/// <summary>
/// Broken files: bytes of real objects and executables changed at random. Each must be read in full or refused by
/// <see cref="InvalidDataException"/>, in bounded time and memory.
/// </summary>
[Collection(UnitBuildsCollection.Name)]
public sealed class FuzzTests(UnitBuilds builds)
{
    private const int MutantsPerFile = 600;
    private static readonly TimeSpan _budget = TimeSpan.FromMinutes(4);

    /// <summary>Small enough that no mutant can ask for much.</summary>
    private static readonly ElfLimits _limits = new()
    {
        MaxSymbols = 100_000, MaxRelocations = 200_000, MaxNameBytesTotal = 16 << 20, MaxLineRows = 500_000,
        MaxLineFiles = 5_000, MaxFunctionInstructions = 100_000,
    };

    [Fact]
    public void A_built_object_never_breaks_the_reader_or_the_injection() =>
        Survives(new ObjectBuilder().ToArray(), 3 * MutantsPerFile, 1, ReadAndInject);

    [ZigTheory(Timeout = 600_000)]
    [InlineData(Backend.SelfHosted)]
    [InlineData(Backend.Llvm)]
    public async Task A_compiled_object_never_breaks_the_reader_or_the_injection(Backend backend)
    {
        var bytes = await builds.RawObjectAsync(Route.Thunk, OptimizeMode.Debug, backend);
        await Task.Run(() => Survives(bytes, MutantsPerFile, 2, ReadAndInject));
    }

    [ZigTheory(Timeout = 600_000)]
    [InlineData(Backend.SelfHosted)]
    [InlineData(Backend.Llvm)]
    public async Task An_executable_never_breaks_the_symbolizer(Backend backend)
    {
        var bytes = await File.ReadAllBytesAsync(
            (await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, backend)).WorkerPath);
        await Task.Run(() => Survives(bytes, MutantsPerFile, 3, Symbolize));
    }

    [ZigFact(Timeout = 600_000)]
    public async Task The_line_program_itself_is_changed_too()
    {
        var bytes = await File.ReadAllBytesAsync(
            (await builds.GetAsync(Route.Thunk, OptimizeMode.Debug, Backend.SelfHosted)).WorkerPath);
        var section = ElfFile.Parse(bytes, "worker").Section(".debug_line")!;
        // How many are refused depends on the lengths of paths in the tables: twice as many mutants as elsewhere leave no doubt.
        var outcomes = await Task.Run(
            () => Survives(bytes, 2 * MutantsPerFile, 4, Symbolize, section.Offset, section.Offset + (int)section.Size));
        Assert.True(
            outcomes.Refused > 30, $"only {outcomes.Refused} refused: the mutants do not reach the line programs");
    }

    [Fact]
    public void A_built_program_never_breaks_the_stack_analysis() =>
        Survives(StackUse.SlackAuditTests.Sound().ToArray(), 3 * MutantsPerFile, 5, AnalyseStack);

    [ZigTheory(Timeout = 600_000)]
    [InlineData(Route.Thunk, Backend.SelfHosted)]
    [InlineData(Route.Attribute, Backend.Llvm)]
    public async Task An_executable_never_breaks_the_stack_analysis(Route route, Backend backend)
    {
        var bytes = await File.ReadAllBytesAsync((await builds.GetAsync(route, OptimizeMode.Debug, backend)).WorkerPath);
        await Task.Run(() => Survives(bytes, MutantsPerFile / 15, 6, AnalyseStack));
    }

    private static void AnalyseStack(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "mutant", _limits);
        ReserveAnalysis.Run(file, []);
        var usage = StackUsage.Of(file);
        usage.Report([.. usage.Image.Functions.Take(20).Select(function => function.Name)]);
        SlackAudit.Run(file, new SlackRequest(LimitSlot.Glibc, 1984, new Dictionary<string, UnsplitReason>()));
    }

    private static void ReadAndInject(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "mutant", _limits);
        var (injected, _) = ThunkInjector.Inject(file);
        _ = ElfFile.Parse(injected.Write(), "injected", _limits).Symbols;
        SplitCheckAudit.Run(file, new Dictionary<string, UnsplitReason>()).Object.Write();
    }

    private static void Symbolize(byte[] bytes)
    {
        var file = ElfFile.Parse(bytes, "mutant", _limits);
        var symbolizer = new Symbolizer(file);
        for (var address = 0x1000000UL; address < 0x1040000; address += 997)
        {
            symbolizer.Resolve(address);
        }
    }

    private static (int Read, int Refused) Survives(
        byte[] original, int mutants, ulong seed, Action<byte[]> use, int from = 0, int? to = null)
    {
        var (read, refused) = (0, 0);
        var state = seed;
        using var budget = new CancellationTokenSource(_budget);
        use((byte[])original.Clone());
        for (var i = 0; i < mutants; i++)
        {
            Assert.False(budget.IsCancellationRequested, $"only {i} mutants within {_budget}");
            var mutant = Mutate(original, ref state, from, to ?? original.Length);
            try
            {
                use(mutant);
                read++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.Equal(mutants, read + refused);
        Assert.True(read > 0 && refused > 0, $"{read} read, {refused} refused: the mutants are not interesting");
        return (read, refused);
    }

    /// <summary>A few bytes changed, in the headers as often as elsewhere; sometimes to values at the edges.</summary>
    internal static byte[] Mutate(byte[] original, ref ulong state, int from, int to)
    {
        var mutant = (byte[])original.Clone();
        var headers = (int)Math.Min(
            BinaryPrimitives.ReadUInt64LittleEndian(original.AsSpan(40)), (ulong)original.Length - 1);
        ulong[] edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, long.MaxValue, ulong.MaxValue];
        for (var changes = 1 + (int)(Next(ref state) % 4); changes > 0; changes--)
        {
            var (low, high) = from > 0 || Next(ref state) % 2 == 0 ? (from, to) : (headers, original.Length);
            var at = low + (int)(Next(ref state) % (ulong)(high - low));
            if (Next(ref state) % 3 == 0 && at + 8 <= original.Length)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(
                    mutant.AsSpan(at), edges[Next(ref state) % (ulong)edges.Length]);
            }
            else
            {
                mutant[at] = (byte)Next(ref state);
            }
        }

        return Next(ref state) % 16 == 0 && from == 0
            ? mutant[..(int)(Next(ref state) % (ulong)mutant.Length)]
            : mutant;
    }

    /// <summary>SplitMix64: a seed means the same mutants everywhere.</summary>
    internal static ulong Next(ref ulong state)
    {
        unchecked
        {
            state += 0x9e3779b97f4a7c15;
            var z = state;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            return z ^ (z >> 31);
        }
    }
}
