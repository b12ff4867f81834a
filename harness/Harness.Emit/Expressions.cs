using System.Diagnostics;
using System.Globalization;
using Harness.Model;

namespace Harness.Emit;

/// <summary>The expressions of one function: scalars, conditions, arguments, calls. Always on one line.</summary>
internal sealed class Expressions(FiberProgram program, FunctionNames names, TypeNames types, Locals locals)
{
    public static string Number(ulong value) =>
        value < 1000
            ? value.ToString(CultureInfo.InvariantCulture)
            : "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    public string TypeOf(ZigType type) => types[type];

    /// <summary>
    /// A sum in one row, its constants added up: two untyped constants with a run-time overflow would not compile.
    /// </summary>
    public string Of(Scalar scalar)
    {
        var terms = new List<string>();
        var constant = Collect(scalar, terms);
        if (terms.Count == 0 || constant != 0) terms.Add(Number(constant));
        return string.Join(" +% ", terms);
    }

    public string Of(Condition condition) =>
        $"rt.mod({Of(condition.Value)}, {condition.Modulus}) == {condition.Remainder}";

    /// <summary>A value of the type, from a seed; void needs none.</summary>
    public string Made(ZigType type, Scalar seed) =>
        type is ZigType.Void ? "{}" : $"rt.make({types[type]}, {Of(seed)})";

    public string Call(int callee, CallForm form, EquatableArray<Argument> arguments)
    {
        var function = program.Functions[callee];
        var passed = new List<string>();
        if (function.Kind is FunctionKind.Generic) passed.Add(types[function.Parameters[0]]);
        for (var i = 0; i < arguments.Count; i++)
        {
            passed.Add(Of(arguments[i], function.Parameters[i]));
        }

        if (function.Kind is FunctionKind.Method)
        {
            var host = FunctionNames.Host(callee);
            if (form is CallForm.Direct) return $"{host}.{names[callee]}({string.Join(", ", passed)})";
            passed.Insert(0, "&" + host);
        }

        var scope = function.Kind is FunctionKind.Method ? FunctionNames.HostType(callee) + "." : "";
        var name = scope + names[callee];
        var list = string.Join(", ", passed);
        return form switch
        {
            CallForm.Direct => $"{name}({list})",
            CallForm.NeverTail => $"@call(.never_tail, {name}, .{TypeNames.Braced(passed)})",
            CallForm.Pointer => $"rt.hidden(&{name})({list})",
            CallForm.Callback => $"rt.callback(&{name}, {list})",
            _ => throw new UnreachableException(),
        };
    }

    private string Of(Argument argument, ZigType type) => argument switch
    {
        Argument.Made made => Made(type, made.Seed),
        Argument.Local local => locals.Passed(local.Index),
        _ => throw new UnreachableException(),
    };

    private ulong Collect(Scalar scalar, List<string> terms)
    {
        switch (scalar)
        {
            case Scalar.Const constant:
                return constant.Value;
            case Scalar.Fold fold:
                terms.Add($"rt.fold({locals.Read(fold.Local)})");
                return 0;
            case Scalar.LoopIndex index:
                terms.Add(locals.Read(index.Local));
                return 0;
            case Scalar.Add add:
                return unchecked(Collect(add.Left, terms) + Collect(add.Right, terms));
            default:
                throw new UnreachableException();
        }
    }
}
