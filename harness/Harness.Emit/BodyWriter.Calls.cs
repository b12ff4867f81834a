using System.Diagnostics;
using Harness.Model;

namespace Harness.Emit;

/// <summary>Calls, and what becomes of their outcomes.</summary>
internal sealed partial class BodyWriter
{
    private void Call(Statement.Call call)
    {
        var payload = program.Functions[call.Function].Payload;
        var text = expressions.Call(call.Function, call.Form, call.Arguments);
        var bound = Binding(call, payload) + text;
        switch (call.Handling)
        {
            case Handling.Plain:
                writer.Line($"{bound};", call.Site);
                break;
            case Handling.Try:
                writer.Line($"{Binding(call, payload)}try {text};", call.Site);
                break;
            case Handling.CatchValue value:
                writer.Line($"{bound} catch {expressions.Made(payload, value.Fallback)};", call.Site);
                break;
            case Handling.Map map:
                writer.Open($"{bound} catch {{", call.Site);
                Raise(map.Site, map.To);
                writer.Close("};");
                break;
            case Handling.Rethrow rethrow:
                var err = EnterCapture();
                writer.Open($"{bound} catch |{err}| {{", call.Site);
                writer.Line($"rt.caught({rethrow.Site}, {err});", rethrow.Site);
                writer.Line(Again(err));
                writer.Close("};");
                _captures--;
                break;
            case Handling.CatchBlock block:
                var falls = StatementTree.Completes(block.Body);
                Catch(bound, call.Site, payload, falls, block.Site, block.Fallback, _ => Body(block.Body));
                break;
            case Handling.CatchSwitch choice:
                var completes = StatementTree.Bodies(choice).Any(StatementTree.Completes);
                Catch(bound, call.Site, payload, completes, choice.Site, choice.Fallback, e => Switch(choice, e));
                break;
            case Handling.IfElse branch:
                IfElse(call, branch, text, payload);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private string Again(string err) =>
        StatementTree.All(function.Body).Any(s => s is Statement.ErrDeferCapture)
            ? $"return rt.again({expressions.TypeOf(function.Payload)}, {err});"
            : $"return {err};";

    private string Binding(Statement.Call call, ZigType payload)
    {
        if (call.Result >= 0 && locals.IsMentioned(call.Result)) return $"const {locals.Name(call.Result)} = ";
        return payload is ZigType.Void ? "" : "_ = ";
    }

    /// <summary><c>… catch |err| blk: {</c>, the body, and the value it ends in unless it never ends.</summary>
    private void Catch(
        string bound, int callSite, ZigType payload, bool completes, int site, Scalar fallback, Action<string> body)
    {
        var hasValue = payload is not ZigType.Void && completes;
        var err = EnterCapture();
        var label = hasValue ? EnterLabel() : "";
        writer.Open(hasValue ? $"{bound} catch |{err}| {label}: {{" : $"{bound} catch |{err}| {{", callSite);
        writer.Line($"rt.caught({site}, {err});", site);
        body(err);
        if (hasValue)
        {
            writer.Line($"break :{label} {expressions.Made(payload, fallback)};");
            _labels--;
        }

        writer.Close("};");
        _captures--;
    }

    /// <summary>
    /// Every fallible callee's error set holds all of <c>rt.Fault</c> besides its own errors, and cases name own errors
    /// only: the <c>else</c> prong, which Zig refuses where it cannot be reached, always can.
    /// </summary>
    private void Switch(Handling.CatchSwitch choice, string err)
    {
        if (choice.Cases.Count == 0)
        {
            Body(choice.Else);
            return;
        }

        writer.Open($"switch ({err}) {{");
        foreach (var prong in choice.Cases)
        {
            Prong($"error.{prong.Error}", prong.Body);
        }

        Prong("else", choice.Else);
        writer.Close();
    }

    private void Prong(string pattern, EquatableArray<Statement> body)
    {
        if (body.Count == 0)
        {
            writer.Line($"{pattern} => {{}},");
            return;
        }

        writer.Open($"{pattern} => {{");
        Body(body);
        writer.Close("},");
    }

    private void IfElse(Statement.Call call, Handling.IfElse branch, string text, ZigType payload)
    {
        var capture = call.Result >= 0 && locals.IsMentioned(call.Result) ? $" |{locals.Name(call.Result)}|"
            : payload is ZigType.Void ? ""
            : " |_|";
        var err = EnterCapture();
        Fork($"if ({text}){capture}", call.Site, branch.Then, $"else |{err}|");
        writer.Line($"rt.caught({branch.Site}, {err});", branch.Site);
        Body(branch.Else);
        writer.Close();
        _captures--;
    }

    private string EnterLabel() => ++_labels == 1 ? "blk" : $"blk_{_labels}";
}
