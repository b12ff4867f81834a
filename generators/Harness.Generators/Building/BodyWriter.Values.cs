using FsCheck;
using FsCheck.Fluent;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>Values, cells and buffers.</summary>
internal sealed partial class BodyWriter
{
    private static readonly Gen<ulong> Constant = Gen.Frequency(
        (4, Gen.Choose(0, 9).Select(i => (ulong)i)),
        (
            4,
            from high in Gen.Choose(int.MinValue, int.MaxValue)
            from low in Gen.Choose(int.MinValue, int.MaxValue)
            select ((ulong)(uint)high << 32) | (uint)low
        ),
        (1, Gen.Elements<ulong>(ulong.MaxValue, 1UL << 63, 1UL << 32, 0x7FFF_FFFF))
    );

    private Scalar Scalar(Region region, int depth = 0)
    {
        var locals = region.Locals.Where(local => local.Kind is not LocalKind.Buffer).ToList();
        var choice = _choices.Between(0, 9);
        if (choice < 3 || locals.Count == 0)
        {
            return new Scalar.Const(_choices.Draw(Constant));
        }

        if (choice == 9 && depth == 0)
        {
            return new Scalar.Add(Scalar(region, 1), Scalar(region, 1));
        }

        return Read(locals);
    }

    /// <summary>The latest locals most: what a call just returned is what should be looked at.</summary>
    private Scalar Read(List<Local> locals)
    {
        var back = 1 + Math.Min(_choices.Between(0, 5), _choices.Between(0, locals.Count - 1));
        var local = locals[^back];
        return local.Kind is LocalKind.LoopIndex ? new Scalar.LoopIndex(local.Id) : new Scalar.Fold(local.Id);
    }

    /// <summary>True one time in so many, by the value of some local if there is any.</summary>
    private Condition Condition(Region region, int modulus = 0)
    {
        modulus = modulus > 0 ? modulus : _choices.Between(2, 4);
        var locals = region.Locals.Where(local => local.Kind is not LocalKind.Buffer).ToList();
        var value = locals.Count > 0 ? Read(locals) : new Scalar.Const(_choices.Draw(Constant));
        return new Condition(value, modulus, _choices.Between(0, modulus - 1));
    }

    private void WriteLog(Region region) => region.Add(new Statement.Log(Site(), Scalar(region)));

    private ZigType ValueType() =>
        _plan.IsDeep ? _choices.Draw(_types.Small)
        : _choices.Chance(60) ? _choices.Of(_program.Palette)
        : _choices.Draw(_types.Any);

    private void WriteLet(Region region)
    {
        var let = new Statement.Let(NewLocal(), ValueType(), Scalar(region));
        region.Add(let);
        region.Declare(new Local(let.Local, LocalKind.Value, let.Type));
    }

    private Local WriteCell(Region region)
    {
        var cell = new Statement.Cell(NewLocal(), Scalar(region));
        region.Add(cell);
        var local = new Local(cell.Local, LocalKind.Cell, new ZigType.CellPointer());
        region.Declare(local);
        return local;
    }

    private void WriteStore(Region region)
    {
        var cells = region.Locals.Where(local => local.Kind is LocalKind.Cell or LocalKind.CellPointer).ToList();
        if (cells.Count == 0)
        {
            WriteCell(region);
            return;
        }

        region.Add(new Statement.Store(_choices.Of(cells).Id, Scalar(region)));
    }

    private void WriteBuffer(Region region)
    {
        var words = BufferWords();
        var align = _choices.Chance(_profile[Feature.OverAlignedLocal])
            ? _choices.Of([16, 32, 32, 64, 64, 128, 256, 4096])
            : 8;
        var buffer = new Statement.Buffer(NewLocal(), words, align, Scalar(region));
        region.Add(buffer);
        region.Declare(new Local(buffer.Local, LocalKind.Buffer, new ZigType.Slice()));
        if (_choices.Chance(25) && _profile.Has(Feature.Defer))
        {
            region.Add(new Statement.Defer([new Statement.CheckBuffer(Site(), buffer.Local)]));
            return;
        }

        Fill(region, _choices.Between(0, 2));
        if (region.Completes)
        {
            region.Add(new Statement.CheckBuffer(Site(), buffer.Local));
        }
    }

    /// <summary>A small buffer whose first words a callee gets.</summary>
    private int WriteSlicedBuffer(Region region)
    {
        var words = _choices.Between(ProgramLimits.SlicedWords, 32);
        var buffer = new Statement.Buffer(NewLocal(), words, 8, Scalar(region));
        region.Add(buffer);
        region.Declare(new Local(buffer.Local, LocalKind.Buffer, new ZigType.Slice()));
        return buffer.Local;
    }

    private int BufferWords()
    {
        var size = _choices.Pick(
            _profile,
            Feature.BufferTiny,
            Feature.BufferNear256,
            Feature.BufferNear1K,
            Feature.BufferNear2K,
            Feature.BufferNearPage,
            Feature.BufferNear16K,
            Feature.BufferNear64K,
            Feature.BufferBeyond64K
        );
        var bytes = size switch
        {
            Feature.BufferNear256 => 256,
            Feature.BufferNear1K => 1024,
            Feature.BufferNear2K => 2048,
            Feature.BufferNearPage => 4096,
            Feature.BufferNear16K => 16 * 1024,
            Feature.BufferNear64K => 64 * 1024,
            Feature.BufferBeyond64K => 8 * _choices.Between(8200, ProgramLimits.MaxBufferWords),
            _ => 8 * _choices.Between(ProgramLimits.SlicedWords, 24),
        };

        // Most of a frame is the buffer; saved registers and spills put the edge some words below the round size.
        var around = size is Feature.BufferTiny or Feature.BufferBeyond64K ? 0 : _choices.Between(-20, 3);
        return Math.Clamp((bytes / 8) + around, ProgramLimits.SlicedWords, ProgramLimits.MaxBufferWords);
    }

    private static bool PointIntoFrame(Region region, EquatableArray<Argument> arguments) =>
        arguments
            .OfType<Argument.Local>()
            .Any(argument =>
                region.Locals.First(local => local.Id == argument.Index).Kind
                    is LocalKind.Cell
                        or LocalKind.Buffer
                        or LocalKind.Framed
            );

    private EquatableArray<Argument> Arguments(Region region, FunctionPlan callee, bool isTail) =>
        callee.Parameters.Select(type => Argument(region, type, isTail)).ToEquatableArray();

    private Argument Argument(Region region, ZigType type, bool isTail)
    {
        if (type is ZigType.CellPointer)
        {
            var cells = region
                .Locals.Where(local => local.Kind is LocalKind.CellPointer || (local.Kind is LocalKind.Cell && !isTail))
                .ToList();
            return new Argument.Local((cells.Count > 0 ? _choices.Of(cells) : WriteCell(region)).Id);
        }

        if (
            type is ZigType.Slice
            && !isTail
            && !_plan.IsDeep
            && _profile.Has(Feature.StackBuffer)
            && _choices.Chance(25)
        )
        {
            return new Argument.Local(WriteSlicedBuffer(region));
        }

        var same = region
            .Locals.Where(local =>
                local.Type == type
                && (local.Kind is LocalKind.Value || (local.Kind is LocalKind.Framed or LocalKind.Buffer && !isTail))
            )
            .ToList();
        return same.Count > 0 && _choices.Chance(60)
            ? new Argument.Local(_choices.Of(same).Id)
            : new Argument.Made(Scalar(region));
    }
}
