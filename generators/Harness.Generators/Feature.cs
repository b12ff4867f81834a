namespace Harness.Generators;

/// <summary>
/// What a generated program may contain; a <see cref="Profile"/> gives each a weight. The order is part of a profile's
/// text form: new features go at the end.
/// </summary>
public enum Feature
{
    // How many fibers, and when they start.
    OneFiber,
    TwoFibers,
    SomeFibers,
    ManyFibers,
    LaunchedFiber,
    SpawnedFiber,

    // How functions are declared.
    PlainFunction,
    GenericFunction,
    MethodFunction,
    CallbackFunction,
    NoInline,
    Inlinable,

    // Error sets.
    Infallible,
    InferredErrors,
    ExplicitErrors,
    AnyError,

    // Parameter counts.
    FewParameters,
    SomeParameters,
    ManyParameters,

    // Types of parameters, payloads and locals.
    TypeVoid,
    TypeBool,
    TypeWord,
    TypeOddInt,
    TypeInt128,
    TypeHugeInt,
    TypeFloat16,
    TypeFloat32,
    TypeFloat64,
    TypeFloat80,
    TypeFloat128,
    TypeVector128,
    TypeVector256,
    TypeVector512,
    TypeSmallStruct,
    TypeLargeStruct,
    TypePackedStruct,
    TypeExternStruct,
    TypeOverAligned,
    TypeEnum,
    TypeUnion,
    TypeOptional,
    TypeSlice,
    TypeCellPointer,
    TypeHandle,

    // How a call is reached.
    DirectCall,
    NeverTailCall,
    PointerCall,

    // What the caller does with its outcome.
    HandleTry,
    HandleCatchValue,
    HandleCatchBlock,
    HandleCatchSwitch,
    HandleMap,
    HandleRethrow,
    HandleIfElse,

    // Statements.
    Log,
    Let,
    Cell,
    Store,
    StackBuffer,
    ExtraCall,
    TailCall,
    Block,
    Loop,
    Break,
    Continue,
    If,
    Raise,
    EarlyReturn,
    Probe,

    // Cleanup.
    Defer,
    ErrDefer,
    ErrDeferCapture,
    CleanupCall,

    // Resources and who releases them.
    HeapBlock,
    TableHandle,
    FileDescriptor,
    MutexLock,
    ReleasedByDefer,
    ReleasedByErrDefer,
    ReleasedManually,

    // Buffer sizes: the frame size that the buffer is to come near.
    BufferTiny,
    BufferNear256,
    BufferNear1K,
    BufferNear2K,
    BufferNearPage,
    BufferNear16K,
    BufferNear64K,
    BufferBeyond64K,
    OverAlignedLocal,

    // Recursion.
    NoRecursion,
    ShallowRecursion,
    DeepRecursion,
    SelfRecursion,
    MutualRecursion,
    TailRecursion,

    // Fibers at work.
    Yield,
    Spawn,
    Join,
    Cancel,

    /// <summary>Fibers that wait for each other in a ring: the weight is the share, in per cent, of the programs of several fibers.</summary>
    Deadlock,
}
