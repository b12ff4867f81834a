using static Harness.Generators.Feature;

namespace Harness.Generators;

/// <summary>The weights of the named profiles, and which features stand in for each other.</summary>
internal static class ProfileTable
{
    /// <summary>
    /// Alternatives of one choice, the plainest first: when every member of a group is off, the first is used. Swarms
    /// never leave a group empty.
    /// </summary>
    public static readonly IReadOnlyList<IReadOnlyList<Feature>> Groups =
    [
        [OneFiber, TwoFibers, SomeFibers, ManyFibers],
        [LaunchedFiber, SpawnedFiber],
        [PlainFunction, GenericFunction, MethodFunction, CallbackFunction],
        [NoInline, Inlinable],
        [AnyError, Infallible, InferredErrors, ExplicitErrors],
        [FewParameters, SomeParameters, ManyParameters],
        [DirectCall, NeverTailCall, PointerCall],
        [NoRecursion, ShallowRecursion, DeepRecursion],
        [SelfRecursion, MutualRecursion],
        [BufferTiny, BufferNear256, BufferNear1K, BufferNear2K, BufferNearPage, BufferNear16K, BufferNear64K, BufferBeyond64K],
    ];

    /// <summary>Features that stay on in every swarm, for without them other choices have no way out.</summary>
    public static readonly IReadOnlyList<Feature> Always = 
        [PlainFunction, DirectCall, TypeWord, HandleCatchValue, Log, Let, NoRecursion];

    public static readonly IReadOnlyDictionary<Feature, int> Default = new Dictionary<Feature, int>
    {
        [OneFiber] = 45, [TwoFibers] = 25, [SomeFibers] = 20, [ManyFibers] = 10,
        [LaunchedFiber] = 60, [SpawnedFiber] = 40,
        [PlainFunction] = 64, [GenericFunction] = 12, [MethodFunction] = 12, [CallbackFunction] = 12,
        [NoInline] = 65, [Inlinable] = 35,
        [Infallible] = 18, [InferredErrors] = 26, [ExplicitErrors] = 34, [AnyError] = 22,
        [FewParameters] = 60, [SomeParameters] = 28, [ManyParameters] = 12,

        [TypeVoid] = 14, [TypeBool] = 4, [TypeWord] = 24, [TypeOddInt] = 6, [TypeInt128] = 4, [TypeHugeInt] = 4,
        [TypeFloat16] = 2, [TypeFloat32] = 3, [TypeFloat64] = 4, [TypeFloat80] = 3, [TypeFloat128] = 3,
        [TypeVector128] = 3, [TypeVector256] = 3, [TypeVector512] = 3,
        [TypeSmallStruct] = 7, [TypeLargeStruct] = 5, [TypePackedStruct] = 4, [TypeExternStruct] = 4, [TypeOverAligned] = 4,
        [TypeEnum] = 4, [TypeUnion] = 5, [TypeOptional] = 5, [TypeSlice] = 6, [TypeCellPointer] = 8, [TypeHandle] = 10,

        [DirectCall] = 60, [NeverTailCall] = 12, [PointerCall] = 28,
        [HandleTry] = 45, [HandleCatchValue] = 12, [HandleCatchBlock] = 12, [HandleCatchSwitch] = 10,
        [HandleMap] = 8, [HandleRethrow] = 8, [HandleIfElse] = 12,

        [Log] = 14, [Let] = 10, [Cell] = 5, [Store] = 6, [StackBuffer] = 7, [ExtraCall] = 20, [TailCall] = 20, [Block] = 6,
        [Loop] = 7, [Break] = 8, [Continue] = 8, [If] = 8, [Raise] = 5, [EarlyReturn] = 3, [Probe] = 9,
        [Defer] = 10, [ErrDefer] = 9, [ErrDeferCapture] = 6, [CleanupCall] = 20,

        [HeapBlock] = 5, [TableHandle] = 4, [FileDescriptor] = 4, [MutexLock] = 6,
        [ReleasedByDefer] = 55, [ReleasedByErrDefer] = 30, [ReleasedManually] = 20,

        [BufferTiny] = 20, [BufferNear256] = 30, [BufferNear1K] = 10, [BufferNear2K] = 10, [BufferNearPage] = 12,
        [BufferNear16K] = 6, [BufferNear64K] = 4, [BufferBeyond64K] = 3, [OverAlignedLocal] = 25,

        [NoRecursion] = 62, [ShallowRecursion] = 34, [DeepRecursion] = 4,
        [SelfRecursion] = 60, [MutualRecursion] = 40, [TailRecursion] = 20,

        [Yield] = 7, [Spawn] = 4, [Join] = 4, [Cancel] = 2,
    };

    /// <summary>What each named profile changes in the default's weights.</summary>
    public static readonly IReadOnlyDictionary<string, IReadOnlyDictionary<Feature, int>> Named =
        new Dictionary<string, IReadOnlyDictionary<Feature, int>>
        {
            ["default"] = new Dictionary<Feature, int>(),
            ["small"] = new Dictionary<Feature, int>
            {
                [OneFiber] = 70, [TwoFibers] = 25, [SomeFibers] = 5, [ManyFibers] = 0,
                [FewParameters] = 80, [SomeParameters] = 20, [ManyParameters] = 0,
                [BufferNear16K] = 1, [BufferNear64K] = 1, [BufferBeyond64K] = 0,
                [NoRecursion] = 80, [ShallowRecursion] = 20, [DeepRecursion] = 0,
            },
            ["deep"] = new Dictionary<Feature, int>
            {
                [OneFiber] = 60, [TwoFibers] = 30, [SomeFibers] = 10, [ManyFibers] = 0,
                [NoRecursion] = 0, [ShallowRecursion] = 0, [DeepRecursion] = 100,
                [Loop] = 2, [BufferNear16K] = 1, [BufferNear64K] = 0, [BufferBeyond64K] = 0,
            },
            ["abi"] = new Dictionary<Feature, int>
            {
                [OneFiber] = 90, [TwoFibers] = 10, [SomeFibers] = 0, [ManyFibers] = 0,
                [FewParameters] = 15, [SomeParameters] = 45, [ManyParameters] = 40,
                [TypeVoid] = 6, [TypeWord] = 12, [TypeOddInt] = 10, [TypeInt128] = 8, [TypeHugeInt] = 8,
                [TypeFloat16] = 6, [TypeFloat32] = 6, [TypeFloat64] = 6, [TypeFloat80] = 6, [TypeFloat128] = 6,
                [TypeVector128] = 8, [TypeVector256] = 8, [TypeVector512] = 8, [TypeOverAligned] = 8,
                [TypeLargeStruct] = 8, [TypePackedStruct] = 8, [TypeExternStruct] = 8, [TypeHandle] = 3,
                [ExtraCall] = 28, [TailCall] = 35, [Inlinable] = 15, [GenericFunction] = 20, [MethodFunction] = 20,
                [Yield] = 2, [Loop] = 3, [StackBuffer] = 4, [DeepRecursion] = 1,
            },
            ["cleanup"] = new Dictionary<Feature, int>
            {
                [Infallible] = 8, [TypeHandle] = 22, [Defer] = 24, [ErrDefer] = 24, [ErrDeferCapture] = 18, [CleanupCall] = 45,
                [HeapBlock] = 12, [TableHandle] = 10, [FileDescriptor] = 10, [MutexLock] = 12, [Raise] = 9, [Break] = 14,
                [Continue] = 14, [EarlyReturn] = 6, [Loop] = 10, [Block] = 12, [DeepRecursion] = 2,
            },
            ["fibers"] = new Dictionary<Feature, int>
            {
                [OneFiber] = 0, [TwoFibers] = 30, [SomeFibers] = 40, [ManyFibers] = 30,
                [Yield] = 24, [Spawn] = 10, [Join] = 12, [Cancel] = 7, [MutexLock] = 16, [DeepRecursion] = 1,
            },
        };
}
