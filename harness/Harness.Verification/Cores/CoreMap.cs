using System.Buffers.Binary;
using Harness.Binary.Cores;
using Harness.Binary.Unwind;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Cores;

/// <summary>What the worker's scheduler thinks of a fiber; the numbers are those of zig-fixtures/worker/state.zig.</summary>
public enum CoreFiberState
{
    Unborn = 0,
    Ready = 1,
    Running = 2,
    Waiting = 3,
    Ended = 4,
}

/// <summary>A live segment of a fiber's stack.</summary>
/// <param name="High">Its record's address, where the stack of it begins.</param>
/// <param name="StubFrame">rbp of the stub frame on the parent; 0 for the first.</param>
public sealed record CoreSegment(int Ordinal, ulong Low, ulong High, ulong Limit, ulong StubFrame);

/// <summary>A fiber in a core.</summary>
/// <param name="Rsp">Where it left off, when it does not run.</param>
/// <param name="Segments">Innermost first.</param>
public sealed record CoreFiber(int Index, CoreFiberState State, ulong Rsp, ulong Digest, IReadOnlyList<CoreSegment> Segments)
{
    /// <summary>Why its segments could not be read; null: they were, or it has none.</summary>
    public string? Problem { get; init; }
}

/// <summary>A worker's own state in its core: zig-fixtures/worker/core_map.zig says where things are.</summary>
internal sealed record CoreMap(IReadOnlyList<CoreFiber> Fibers, int Current, int Row, Death Death, EquatableArray<Delivery> Deliveries)
{
    private const string Symbol = "hs_core_map";
    private const ulong Magic = 0x313045524f435348; // "HSCORE01"
    private const int MaxSegments = 1_000_000;
    private const int NoFiber = -1;

    /// <summary>In the order of the Zig struct.</summary>
    private enum Field
    {
        Magic, Fibers, FiberBytes, StateAt, RspAt, SegmentAt, DigestAt, FiberCount, Current, Row, Death, Deliveries, DeliveryCount,
        ParentAt, StubFrameAt, LowAt, LimitAt, OrdinalAt, Count,
    }

    /// <exception cref="InvalidDataException">It is not there, damaged, or refers to what the core does not have.</exception>
    public static CoreMap Read(CoreImage image) => new Reader(image.Core, image.AddressOf(Symbol)).Read();

    private sealed class Reader
    {
        private readonly CoreFile _core;
        private readonly ulong[] _fields = new ulong[(int)Field.Count];

        public Reader(CoreFile core, ulong address)
        {
            _core = core;
            for (var i = 0; i < _fields.Length; i++)
            {
                _fields[i] = Word(address + ((ulong)i * sizeof(ulong)));
            }

            if (_fields[(int)Field.Magic] != Magic)
            {
                throw Bad($"{Symbol} does not begin with HSCORE01");
            }
        }

        public CoreMap Read()
        {
            var count = Small(Pointed(Field.FiberCount), ProgramLimits.MaxFibers, "fibers");
            var current = Pointed(Field.Current);
            var deliveries = Enumerable.Range(0, Small(Pointed(Field.DeliveryCount), int.MaxValue, "deliveries")).Take(RowModel.MaxDeliveries).Select(i =>
            {
                var word = Word(At(Field.Deliveries) + ((ulong)i * sizeof(ulong)));
                return new Delivery((int)(word & int.MaxValue), (ErrorName)(word >> 32));
            });
            return new CoreMap(
                [.. Enumerable.Range(0, count).Select(Fiber)], current < (uint)count ? (int)current : NoFiber,
                Small(Pointed(Field.Row), int.MaxValue, "rows"), (Death)Pointed(Field.Death), deliveries.ToEquatableArray());
        }

        private CoreFiber Fiber(int index)
        {
            var address = unchecked(At(Field.Fibers) + ((ulong)index * At(Field.FiberBytes)));
            var state = (CoreFiberState)(Word(unchecked(address + At(Field.StateAt))) & 0xff);
            var fiber = new CoreFiber(index, state, Word(unchecked(address + At(Field.RspAt))), Word(unchecked(address + At(Field.DigestAt))), []);
            if (state is not (CoreFiberState.Ready or CoreFiberState.Running or CoreFiberState.Waiting))
            {
                return fiber;
            }

            try
            {
                return fiber with { Segments = Segments(Word(unchecked(address + At(Field.SegmentAt)))) };
            }
            catch (InvalidDataException e)
            {
                // A worker that dies may have lost them: the others' are as readable as before.
                return fiber with { Problem = e.Message };
            }
        }

        private List<CoreSegment> Segments(ulong address)
        {
            var segments = new List<CoreSegment>();
            while (address != 0)
            {
                var ordinal = Small(Word(unchecked(address + At(Field.OrdinalAt))), MaxSegments, "segments");
                if (ordinal < 1 || (segments.Count > 0 && ordinal != segments[^1].Ordinal - 1))
                {
                    throw Bad($"a fiber's segment has the number {ordinal}, below {(segments.Count > 0 ? segments[^1].Ordinal : 0)}");
                }

                segments.Add(new CoreSegment(
                    ordinal, Word(unchecked(address + At(Field.LowAt))), address,
                    Word(unchecked(address + At(Field.LimitAt))), Word(unchecked(address + At(Field.StubFrameAt)))));
                address = Word(unchecked(address + At(Field.ParentAt)));
            }

            return segments;
        }

        private ulong At(Field field) => _fields[(int)field];

        private uint Pointed(Field field)
        {
            Span<byte> bytes = stackalloc byte[sizeof(uint)];
            return _core.TryRead(At(field), bytes) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : throw Missing(At(field));
        }

        private ulong Word(ulong address) => _core.Word(address) ?? throw Missing(address);

        private int Small(ulong value, int most, string what) => value <= (ulong)most ? (int)value : throw Bad($"it says that there are {value} {what}");

        private InvalidDataException Missing(ulong address) => Bad($"{address:x} is not in the core");

        private InvalidDataException Bad(string reason) => new($"{_core.Name}: the worker's state cannot be read: {reason}");
    }
}

/// <summary>Registers of a fiber that does not run, from what it left on its stack (zig-fixtures/runtime/gates.h, "A context").</summary>
internal static class SavedContext
{
    private static readonly int[] _order = [DwarfRegister.R15, 14, 13, DwarfRegister.R12, DwarfRegister.Rbx, DwarfRegister.Rbp, DwarfRegister.Rip];

    /// <returns>Null where it is not in the core.</returns>
    public static FrameRegisters? Read(CoreFile core, ulong rsp)
    {
        var registers = default(FrameRegisters);
        // The first word are the control words.
        for (var i = 0; i < _order.Length; i++)
        {
            if (core.Word(unchecked(rsp + ((ulong)(i + 1) * sizeof(ulong)))) is not { } value)
            {
                return null;
            }

            registers.Set(_order[i], value);
        }

        registers.Set(DwarfRegister.Rsp, unchecked(rsp + ((ulong)(_order.Length + 1) * sizeof(ulong))));
        return registers;
    }
}
