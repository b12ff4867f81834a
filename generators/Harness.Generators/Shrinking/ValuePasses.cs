using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Shrinking;

/// <summary>Plainer types and scalars, over the whole program and one by one.</summary>
internal static class ValuePasses
{
    private static readonly ZigType Word = new ZigType.Int(64, false);
    private static readonly Scalar Zero = new Scalar.Const(0);

    /// <summary>
    /// Every value a word; then one type after the other a word, or one of its parts, wherever it stands.
    /// </summary>
    public static IEnumerable<FiberProgram> Types(FiberProgram program)
    {
        yield return new TypeMap(type => type is ZigType.Void || !type.IsMakeable ? type : Word).Rewrite(program);
        var collector = new TypeCollector();
        collector.Rewrite(program);
        foreach (
            var type in collector
                .Types.OrderByDescending(ProgramMeasure.Of)
                .ThenBy(type => type.ToString(), StringComparer.Ordinal)
        )
        {
            foreach (var plainer in Plainer(type))
            {
                yield return new TypeMap(other => other == type ? plainer : other).Rewrite(program);
            }
        }
    }

    public static IEnumerable<FiberProgram> Scalars(FiberProgram program)
    {
        var counter = new ScalarEdit(_ => null);
        counter.Rewrite(program);
        if (counter.Count > 1)
        {
            yield return new ScalarEdit(_ => Zero).Rewrite(program);
        }

        for (var i = 0; i < counter.Count; i++)
        {
            yield return new ScalarEdit(at => at == i ? Zero : null).Rewrite(program);
        }
    }

    private static IEnumerable<ZigType> Plainer(ZigType type)
    {
        yield return Word;
        switch (type)
        {
            case ZigType.Struct s:
                foreach (var field in s.Fields.Distinct())
                {
                    yield return field;
                }

                yield return s with
                {
                    Fields = s.Fields.Take((s.Fields.Count + 1) / 2).ToEquatableArray(),
                };
                yield return s with
                {
                    Fields = s.Fields.Skip(1).ToEquatableArray(),
                };
                yield return s with
                {
                    Fields = s.Fields.Take(s.Fields.Count - 1).ToEquatableArray(),
                };
                yield return s with
                {
                    Fields = s
                        .Fields.Select(field => s.Layout is StructLayout.Packed ? field : Word)
                        .ToEquatableArray(),
                };
                yield return s with
                {
                    Align = 0,
                };
                break;
            case ZigType.Union u:
                yield return u with
                {
                    Variants = u.Variants.Take((u.Variants.Count + 1) / 2).ToEquatableArray(),
                };
                yield return u with
                {
                    Variants = u.Variants.Skip(1).ToEquatableArray(),
                };
                yield return u with
                {
                    Variants = u.Variants.Select(_ => Word).ToEquatableArray(),
                };
                break;
            case ZigType.Optional o:
                yield return o.Child;
                yield return new ZigType.Optional(Word);
                break;
            case ZigType.Vector v:
                yield return v.Element;
                break;
            case ZigType.Int { Signed: true } i:
                yield return i with
                {
                    Signed = false,
                };
                break;
        }
    }

    private sealed class TypeMap(Func<ZigType, ZigType> map) : ProgramRewriter
    {
        protected override ZigType Rewrite(ZigType type) => map(type);
    }

    private sealed class TypeCollector : ProgramRewriter
    {
        public HashSet<ZigType> Types { get; } = [];

        protected override ZigType Rewrite(ZigType type)
        {
            if (type is not ZigType.Void && type.IsMakeable && type != Word)
            {
                Types.Add(type);
            }

            return type;
        }
    }

    /// <summary>Asks each scalar's position; parts of a sum are not asked.</summary>
    private sealed class ScalarEdit(Func<int, Scalar?> edit) : ProgramRewriter
    {
        public int Count { get; private set; }

        protected override Scalar Rewrite(Scalar scalar) => scalar == Zero ? scalar : edit(Count++) ?? scalar;
    }
}
