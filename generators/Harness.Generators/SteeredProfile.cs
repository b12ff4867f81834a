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

    /// <summary>Words beside them.</summary>
    private const int OtherWords = 20;

    /// <summary>Of a statement among others.</summary>
    private const int HeavyStatement = 60;

    /// <summary>What else types may be: without these a swarm's other choices have no way out, or what is returned cannot be owned.</summary>
    private static readonly Feature[] _keptTypes = [TypeVoid, TypeHandle, TypeWord];

    private static readonly Feature[] _cleanups = [Defer, ErrDefer, HeapBlock, TableHandle];

    /// <summary>What fails and what cleans up belongs to every call: without these half of its ends would be missing.</summary>
    private static readonly Feature[] _always = [AnyError, Defer, ErrDefer, HeapBlock, ReleasedByDefer, HandleTry, HandleCatchBlock, NoInline];

    /// <param name="cleans">Whether functions clean up a lot.</param>
    public static Profile Of(ulong seed, CallKind kind, ReturnClass returned, ArgumentClass argument, bool cleans)
    {
        var wanted = Kind(kind).Concat(Return(returned)).Concat(Argument(argument)).ToLookup(part => part.Feature, part => part.Weight);
        var profile = Profile.Swarm(seed).With(ExtraCall, HeavyStatement);
        foreach (var feature in Enum.GetValues<Feature>().Where(feature => feature is >= TypeVoid and <= TypeHandle && !_keptTypes.Contains(feature)))
        {
            profile = profile.With(feature, 0);
        }

        profile = profile.With(TypeWord, OtherWords);
        foreach (var weights in wanted)
        {
            profile = profile.With(weights.Key, Math.Max(weights.Max(), profile[weights.Key]));
        }

        foreach (var feature in _always.Where(feature => !profile.Has(feature)))
        {
            profile = profile.With(feature, Profile.Default[feature]);
        }

        return cleans ? _cleanups.Aggregate(profile, (with, feature) => with.With(feature, HeavyStatement / 2)) : profile;
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
