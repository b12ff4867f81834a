using System.Diagnostics;
using Harness.Model;

namespace Harness.Emit;

/// <summary>Writes one program as a namespace: its functions, its fibers' wrappers, their table.</summary>
internal sealed class ProgramWriter(SourceWriter writer, int index, FiberProgram program, TypeNames types)
{
    private readonly FunctionNames _names = new(program);

    public static string Namespace(int index) => $"program_{index}";

    public void Write()
    {
        writer.Open($"const {Namespace(index)} = struct {{");
        foreach (var function in program.Functions)
        {
            WriteFunction(function);
            writer.Blank();
        }

        for (var i = 0; i < program.Fibers.Count; i++)
        {
            WriteFiber(i, program.Fibers[i]);
            writer.Blank();
        }

        var wrappers = Enumerable.Range(0, program.Fibers.Count).Select(i => "&" + FunctionNames.FiberEntry(i));
        writer.Line($"const fibers = [_]rt.Fiber{TypeNames.Braced(wrappers)};");
        writer.Close("};");
    }

    private void WriteFunction(Function function)
    {
        var locals = new Locals(program, function);
        var expressions = new Expressions(program, _names, types, locals);
        var isMethod = function.Kind is FunctionKind.Method;
        var rehearsal = new SourceWriter();
        rehearsal.Enter(new SourceOwner.Function(index, function.Id));
        new BodyWriter(rehearsal, program, function, locals, expressions).Function();

        if (isMethod)
        {
            writer.Open($"const {FunctionNames.HostType(function.Id)} = struct {{");
            writer.Line("number: u32,");
            writer.Blank();
        }

        writer.Enter(new SourceOwner.Function(index, function.Id));
        writer.Open($"{Header(function, locals)} {{");
        var entry = function.IsFallible ? "try rt.checkpoint" : "rt.enter";
        writer.Anchor($"{entry}({index}, {function.Id});");
        if (isMethod) writer.Line($"rt.expect(self.number, {function.Id});");
        if (MayEndInDeferredCall(function)) writer.Line("defer rt.stay();");
        new BodyWriter(writer, program, function, locals, expressions).Function();
        writer.Close();
        writer.Leave();

        if (isMethod)
        {
            writer.Close("};");
            var (host, type) = (FunctionNames.Host(function.Id), FunctionNames.HostType(function.Id));
            writer.Line($"const {host}: {type} = .{{ .number = {function.Id} }};");
        }
    }

    /// <summary>
    /// Whether the last thing that the function does may be a deferred call or probe. Everything else that can show
    /// the function in a trace is followed by an event or a value.
    /// </summary>
    private static bool MayEndInDeferredCall(Function function) =>
        StatementTree.All(function.Body)
            .Where(s => s is Statement.Defer or Statement.ErrDefer or Statement.ErrDeferCapture)
            .SelectMany(StatementTree.Bodies)
            .SelectMany(StatementTree.All)
            .Any(s => s is Statement.Call or Statement.Probe);

    private string Header(Function function, Locals locals)
    {
        var parameters = new List<string>();
        if (function.Kind is FunctionKind.Method) parameters.Add($"self: *const {FunctionNames.HostType(function.Id)}");
        if (function.Kind is FunctionKind.Generic) parameters.Add("comptime T: type");
        for (var i = 0; i < function.Parameters.Count; i++)
        {
            var type = i == 0 && function.Kind is FunctionKind.Generic ? "T" : types[function.Parameters[i]];
            parameters.Add($"{(locals.IsMentioned(i) ? locals.Name(i) : "_")}: {type}");
        }

        var inlining = function.NoInline ? "noinline " : "";
        var convention = function.Kind is FunctionKind.Callback ? "callconv(.c) " : "";
        var result = ErrorSetOf(function.Errors) + types[function.Payload];
        return $"{inlining}fn {_names[function.Id]}({string.Join(", ", parameters)}) {convention}{result}";
    }

    private static string ErrorSetOf(ErrorSet errors) => errors switch
    {
        ErrorSet.Infallible => "",
        ErrorSet.Inferred => "!",
        ErrorSet.AnyError => "anyerror!",
        ErrorSet.Explicit { Errors.Count: 0 } => "rt.Fault!",
        ErrorSet.Explicit set => $"(rt.Fault || error{TypeNames.Braced(set.Errors.Select(e => e.ToString()))})!",
        _ => throw new UnreachableException(),
    };

    private void WriteFiber(int number, Fiber fiber)
    {
        var entry = program.Functions[fiber.Function];
        var locals = new Locals(program, entry);
        var arguments = fiber.Arguments.Select(Argument (seed) => new Argument.Made(new Scalar.Const(seed)));
        var call = new Expressions(program, _names, types, locals)
            .Call(entry.Id, CallForm.Direct, arguments.ToEquatableArray());
        var binding = entry.Payload is ZigType.Void ? "" : "const result = ";
        var failure = entry.IsFallible ? " catch |err| return rt.failed(err)" : "";

        writer.Enter(new SourceOwner.FiberEntry(index, number));
        writer.Open($"fn {FunctionNames.FiberEntry(number)}() callconv(.c) void {{");
        writer.Line($"rt.begin({index}, {number});");
        writer.Anchor($"{binding}{call}{failure};");
        writer.Line(entry.Payload is ZigType.Void ? "rt.completed({});" : "rt.completed(result);");
        writer.Close();
        writer.Leave();
    }
}
