using Harness.Generators.Shrinking;
using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Explaining;

/// <summary>A program with one part changed, and no smaller for it: to see whether a failure depends on that part.</summary>
/// <param name="Part">Which, for people; the same words for all values of a part.</param>
/// <param name="Site">Of the statement that has the part; −1: it has none.</param>
public sealed record ChangedProgram(string Part, int Site, string Was, string Value, FiberProgram Program);

/// <summary>
/// Each part of a program changed by itself, to a few other values: statements left out, constants, errors, resources, how calls are made, sizes,
/// types, declarations. All are well-formed and finish without a fault. The likeliest to tell something come first.
/// </summary>
public static class ProgramVariants
{
    private const string There = "there";
    private const string Gone = "gone";
    private static readonly ZigType _word = new ZigType.Int(64, false);
    private static readonly ZigType _large = new ZigType.Struct(StructLayout.Extern, [_word, _word, _word, _word, _word, _word], 0);

    public static IEnumerable<ChangedProgram> Of(FiberProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Statements(program).Concat(Functions(program)).Concat(Fibers(program))
            .Select(variant => variant with { Program = Renumbering.Normalize(Repair.Of(variant.Program)) })
            .Where(variant => variant.Program != program && ProgramShrinker.IsUsable(variant.Program));
    }

    private static IEnumerable<ChangedProgram> Statements(FiberProgram program)
    {
        foreach (var function in program.Functions)
        {
            foreach (var (statement, position) in StatementTree.All(function.Body).Select((statement, position) => (statement, position)))
            {
                foreach (var (part, was, value, other) in Others(statement))
                {
                    var body = StatementEdits.Replace(function.Body, position, other is null ? [] : [other]);
                    var site = StatementTree.SiteOf(statement) ?? -1;
                    var named = site >= 0 ? part : $"{part} (statement {position} of function {function.Id})";
                    yield return new ChangedProgram(named, site, was, value, StatementEdits.WithBody(program, function.Id, body));
                }
            }
        }
    }

    /// <summary>The statement with one part changed; null: left out.</summary>
    private static IEnumerable<(string Part, string Was, string Value, Statement? Other)> Others(Statement statement)
    {
        yield return ($"the {Name(statement)}", There, Gone, null);
        switch (statement)
        {
            case Statement.Log { Value: Scalar.Const value } log:
                foreach (var other in ((ulong[])[0, 1, 0xFEDC_BA98_7654_3210]).Where(other => other != value.Value))
                {
                    yield return ("the value of the log", $"{value.Value}", $"{other}", log with { Value = new Scalar.Const(other) });
                }

                break;
            case Statement.Acquire acquire:
                foreach (var kind in ((ResourceKind[])[ResourceKind.HeapBlock, ResourceKind.TableHandle, ResourceKind.FileDescriptor]).Where(kind => kind != acquire.Kind))
                {
                    yield return ("the resource", $"{acquire.Kind}", $"{kind}", acquire with { Kind = kind });
                }

                break;
            case Statement.Raise raise:
                foreach (var error in ((ErrorName[])[ErrorName.NotFound, ErrorName.Busy, ErrorName.Lost]).Where(error => error != raise.Error))
                {
                    yield return ("the error raised", $"{raise.Error}", $"{error}", raise with { Error = error });
                }

                break;
            case Statement.Call call:
                foreach (var form in Enum.GetValues<CallForm>().Where(form => form != call.Form && form is not CallForm.Callback && call.Form is not CallForm.Callback))
                {
                    yield return ("how the call is made", $"{call.Form}", $"{form}", call with { Form = form });
                }

                break;
            case Statement.Loop loop:
                foreach (var count in ((int[])[1, 2, 5]).Where(count => count != loop.Count))
                {
                    yield return ("how often the loop runs", $"{loop.Count}", $"{count}", loop with { Count = count });
                }

                break;
            case Statement.Buffer buffer:
                foreach (var words in ((int[])[ProgramLimits.SlicedWords, 64, 1024]).Where(words => words != buffer.Words))
                {
                    yield return ("the buffer's words", $"{buffer.Words}", $"{words}", buffer with { Words = words });
                }

                break;
        }
    }

    private static IEnumerable<ChangedProgram> Functions(FiberProgram program)
    {
        foreach (var function in program.Functions.Where(function => function.Kind is not FunctionKind.Callback))
        {
            yield return Of(program, $"inlining of function {function.Id}", function.NoInline ? "forbidden" : "allowed", function.NoInline ? "allowed" : "forbidden", function with { NoInline = !function.NoInline });
            foreach (var errors in ((ErrorSet[])[new ErrorSet.AnyError(), new ErrorSet.Infallible()]).Where(errors => errors != function.Errors))
            {
                yield return Of(program, $"the error set of function {function.Id}", Name(function.Errors), Name(errors), function with { Errors = errors });
            }

            foreach (var payload in ((ZigType[])[new ZigType.Void(), _word, _large]).Where(payload => payload != function.Payload))
            {
                yield return Of(program, $"what function {function.Id} returns", Name(function.Payload), Name(payload), function with { Payload = payload });
            }

            for (var i = 0; i < function.Parameters.Count; i++)
            {
                var at = i;
                foreach (var type in ((ZigType[])[_word, _large]).Where(type => type != function.Parameters[at]))
                {
                    var parameters = function.Parameters.Select((was, index) => index == at ? type : was).ToEquatableArray();
                    yield return Of(program, $"parameter {at} of function {function.Id}", Name(function.Parameters[at]), Name(type), function with { Parameters = parameters });
                }
            }
        }
    }

    private static IEnumerable<ChangedProgram> Fibers(FiberProgram program)
    {
        for (var i = 0; i < program.Fibers.Count; i++)
        {
            var fiber = program.Fibers[i];
            foreach (var fuel in ((int[])[0, 1, 4]).Where(fuel => fuel != fiber.Fuel))
            {
                var at = i;
                yield return new ChangedProgram(
                    $"the fuel of fiber {i}", -1, $"{fiber.Fuel}", $"{fuel}",
                    program with { Fibers = program.Fibers.Select((was, index) => index == at ? fiber with { Fuel = fuel } : was).ToEquatableArray() });
            }
        }
    }

    private static ChangedProgram Of(FiberProgram program, string part, string was, string value, Function function) =>
        new(part, -1, was, value, StatementEdits.WithFunction(program, function));

    private static string Name(Statement statement) => statement.GetType().Name.ToLowerInvariant();

    private static string Name(ErrorSet errors) => errors.GetType().Name.ToLowerInvariant();

    private static string Name(ZigType type) => type switch
    {
        ZigType.Int i => $"{(i.Signed ? 'i' : 'u')}{i.Bits}",
        _ when type == _large => "six words",
        ZigType.Struct s => $"a struct of {s.Fields.Count}",
        _ => type.GetType().Name.ToLowerInvariant(),
    };
}
