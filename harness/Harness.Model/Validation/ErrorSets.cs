namespace Harness.Model;

/// <summary>
/// The user errors that each function's error set holds, as bits by number; every fallible set also holds rt.Fault,
/// which is left out. An inferred set is the union of what its body can return, as Zig computes it: code that cannot be
/// reached adds nothing.
/// </summary>
internal sealed class ErrorSets
{
    private readonly FiberProgram _program;
    private readonly ErrorBits?[] _sets;

    public ErrorSets(FiberProgram program)
    {
        _program = program;
        _sets = new ErrorBits?[program.Functions.Count];
    }

    public ErrorBits this[int function]
    {
        get
        {
            if (_sets[function] is { } known)
            {
                return known;
            }

            // On a call cycle (which is an error of its own) an inferred set counts as empty.
            _sets[function] = ErrorBits.None;
            var set = Compute(_program.Functions[function]);
            _sets[function] = set;
            return set;
        }
    }

    private ErrorBits Compute(Function function)
    {
        switch (function.Errors)
        {
            case ErrorSet.AnyError:
                return ErrorBits.Any;
            case ErrorSet.Explicit listed:
                return listed.Errors.Aggregate(ErrorBits.None, (set, error) => set.With(error));
            case ErrorSet.Inferred:
                return StatementTree.Live(function.Body)
                    .Aggregate(ErrorBits.None, (set, statement) => set.With(ReturnedBy(statement)));
            default:
                return ErrorBits.None;
        }
    }

    private ErrorBits ReturnedBy(Statement statement) => statement switch
    {
        Statement.Raise raise => ErrorBits.None.With(raise.Error),
        Statement.TailCall call => this[call.Function],
        Statement.Call { Handling: Handling.Try or Handling.Rethrow } call => this[call.Function],
        Statement.Call { Handling: Handling.Map map } => ErrorBits.None.With(map.To),
        _ => ErrorBits.None,
    };
}

/// <summary>A set of user errors, or all errors there are.</summary>
internal readonly record struct ErrorBits(uint Bits, bool IsAny)
{
    public static readonly ErrorBits None = new(0, false);
    public static readonly ErrorBits Any = new(0, true);

    public ErrorBits With(ErrorName error) => this with { Bits = Bits | (1u << (int)error) };

    public ErrorBits With(ErrorBits other) => new(Bits | other.Bits, IsAny || other.IsAny);

    public bool Contains(ErrorName error) => IsAny || (Bits & (1u << (int)error)) != 0;

    public bool Contains(ErrorBits other) => IsAny || (!other.IsAny && (other.Bits & ~Bits) == 0);
}

/// <summary>Errors that a program's own text can name.</summary>
internal static class ErrorNames
{
    public static bool IsUser(ErrorName error) => error is >= ErrorName.NotFound and <= ErrorName.Lost;
}
