using Harness.Model;
using static Harness.Generators.Feature;

namespace Harness.Generators;

/// <summary>Swarm profiles in which what makes up one kind of call outweighs the rest.</summary>
public static class SteeredProfile
{
    /// <summary>Of a feature that is steered towards: several times what its alternatives weigh together.</summary>
    private const int Heavy = 400;

    /// <summary>Of types, of which those for arguments and those for what is returned share.</summary>
    private const int HeavyType = 150;

    /// <summary>Of a statement among others.</summary>
    private const int HeavyStatement = 60;

    public static Profile Of(ulong seed, CallKind kind, ReturnClass returned, ArgumentClass argument)
    {
        var profile = Profile.Swarm(seed).With(ExtraCall, HeavyStatement);
        foreach (var (feature, weight) in Kind(kind).Concat(Return(returned)).Concat(Argument(argument)))
        {
            profile = profile.With(feature, Math.Max(weight, profile[feature]));
        }

        // What fails and what cleans up belongs to every call: without these half of its ends would be missing.
        foreach (var feature in (Feature[])[AnyError, Defer, ErrDefer, HeapBlock, ReleasedByDefer, HandleTry, HandleCatchBlock, NoInline])
        {
            profile = profile.Has(feature) ? profile : profile.With(feature, Profile.Default[feature]);
        }

        return argument is ArgumentClass.None or ArgumentClass.Stack ? profile : profile.With(ManyParameters, 0);
    }

    private static (Feature Feature, int Weight)[] Kind(CallKind kind) => kind switch
    {
        CallKind.Fiber => [(ManyFibers, Heavy)],
        CallKind.Direct => [(PlainFunction, Heavy), (DirectCall, Heavy)],
        CallKind.Method => [(MethodFunction, Heavy), (DirectCall, Heavy)],
        CallKind.Generic => [(GenericFunction, Heavy), (DirectCall, Heavy)],
        CallKind.NeverTail => [(NeverTailCall, Heavy)],
        CallKind.Pointer => [(PlainFunction, Heavy), (PointerCall, Heavy)],
        CallKind.Callback => [(CallbackFunction, Heavy)],
        _ => [(TailCall, Heavy)],
    };

    private static (Feature Feature, int Weight)[] Return(ReturnClass returned) => returned switch
    {
        ReturnClass.Void => [(TypeVoid, 40)],
        ReturnClass.Word => [(TypeWord, HeavyType)],
        ReturnClass.Wide => [(TypeInt128, HeavyType), (TypeHugeInt, HeavyType)],
        ReturnClass.Float => Floats,
        ReturnClass.Vector => Vectors,
        _ => Aggregates,
    };

    private static (Feature Feature, int Weight)[] Argument(ArgumentClass argument) => argument switch
    {
        ArgumentClass.None => [(FewParameters, Heavy)],
        ArgumentClass.Word => [(FewParameters, Heavy), (TypeWord, HeavyType)],
        ArgumentClass.Pointer => [(FewParameters, Heavy), (TypeCellPointer, 60), (TypeSlice, HeavyType)],
        ArgumentClass.Float => [(FewParameters, Heavy), .. Floats],
        ArgumentClass.Wide => [(FewParameters, Heavy), (TypeInt128, HeavyType), (TypeHugeInt, HeavyType)],
        ArgumentClass.Vector => Vectors,
        ArgumentClass.Aggregate => Aggregates,
        _ => [(ManyParameters, Heavy)],
    };

    private static (Feature Feature, int Weight)[] Floats =>
        [(TypeFloat16, HeavyType / 5), (TypeFloat32, HeavyType / 5), (TypeFloat64, HeavyType / 5), (TypeFloat80, HeavyType / 5), (TypeFloat128, HeavyType / 5)];

    private static (Feature Feature, int Weight)[] Vectors => [(TypeVector128, HeavyType / 3), (TypeVector256, HeavyType / 3), (TypeVector512, HeavyType / 3)];

    private static (Feature Feature, int Weight)[] Aggregates =>
        [(TypeSmallStruct, HeavyType / 3), (TypeLargeStruct, HeavyType / 3), (TypeUnion, HeavyType / 6), (TypeOptional, HeavyType / 6)];
}
