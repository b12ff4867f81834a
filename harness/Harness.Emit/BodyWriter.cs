using System.Diagnostics;
using Harness.Model;

namespace Harness.Emit;

/// <summary>Writes the statements of one function. Each site gets a line of its own.</summary>
internal sealed partial class BodyWriter(
    SourceWriter writer, FiberProgram program, Function function, Locals locals, Expressions expressions)
{
    // Zig allows neither captures nor labels to shadow outer ones; siblings may share a name.
    private int _captures;
    private int _labels;

    /// <summary>The whole body, after the checkpoint.</summary>
    public void Function()
    {
        if (function.Body is [.., Statement.Return last])
        {
            Body([.. function.Body.SkipLast(1)]);
            Return(last.Value, atEnd: true);
            return;
        }

        Body(function.Body);
        if (StatementTree.Completes(function.Body)) Return(new ReturnValue.Made(new Scalar.Const(0)), atEnd: true);
    }

    private void Body(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            Write(statement);
        }
    }

    private void Write(Statement statement)
    {
        switch (statement)
        {
            case Statement.Let or Statement.Cell or Statement.Buffer or Statement.Acquire or Statement.Lock:
                Declaration(statement);
                break;
            case Statement.Call call:
                Call(call);
                break;
            case Statement.Raise raise:
                Raise(raise.Site, raise.Error);
                break;
            case Statement.Return exit:
                Return(exit.Value, atEnd: false);
                break;
            case Statement.TailCall call:
                writer.Line($"return {expressions.Call(call.Function, CallForm.Direct, call.Arguments)};", call.Site);
                break;
            case Statement.BreakIf exit:
                writer.Line($"if ({expressions.Of(exit.When)}) break;");
                break;
            case Statement.ContinueIf exit:
                writer.Line($"if ({expressions.Of(exit.When)}) continue;");
                break;
            case Statement.Join join:
                writer.Line($"try rt.join({join.Site}, {join.Fiber});", join.Site);
                break;
            case Statement.Log or Statement.Store or Statement.CheckBuffer or Statement.Release or Statement.Probe
                or Statement.Yield or Statement.Spawn or Statement.Cancel:
                Simple(statement, "");
                break;
            default:
                Compound(statement);
                break;
        }
    }

    private void Compound(Statement statement)
    {
        switch (statement)
        {
            case Statement.Defer defer:
                Deferred("defer ", defer.Body);
                break;
            case Statement.ErrDefer defer:
                Deferred("errdefer ", defer.Body);
                break;
            case Statement.ErrDeferCapture defer:
                ErrDeferCapture(defer);
                break;
            case Statement.Block block:
                Braces("", block.Body);
                break;
            case Statement.Loop loop:
                var index = locals.IsMentioned(loop.Local) ? locals.Name(loop.Local) : "_";
                Braces($"for (0..{loop.Count}) |{index}| ", loop.Body);
                break;
            case Statement.IfFuel branch:
                Braces("if (rt.fuel()) ", branch.Body);
                break;
            case Statement.If branch:
                If(branch);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void Declaration(Statement statement)
    {
        switch (statement)
        {
            case Statement.Let let:
                writer.Line($"const {locals.Name(let.Local)} = {expressions.Made(let.Type, let.Seed)};");
                if (!locals.IsMentioned(let.Local)) writer.Line($"_ = {locals.Name(let.Local)};");
                break;
            case Statement.Cell cell:
                writer.Line($"var {locals.Name(cell.Local)}: u64 = {expressions.Of(cell.Init)};");
                if (!locals.IsAddressed(cell.Local)) writer.Line($"_ = &{locals.Name(cell.Local)};");
                break;
            case Statement.Buffer buffer:
                var name = locals.Name(buffer.Local);
                writer.Line($"var {name}: [{buffer.Words}]u64 align({buffer.Align}) = undefined;");
                writer.Line($"rt.fill(&{name}, {expressions.Of(buffer.Seed)});");
                break;
            case Statement.Acquire acquire:
                Acquire(acquire);
                break;
            case Statement.Lock taken:
                var handle = locals.Name(taken.Local);
                writer.Line($"const {handle} = try rt.lock({taken.Site}, {taken.Mutex});", taken.Site);
                writer.Line($"defer rt.release({taken.Site}, {handle});");
                break;
        }
    }

    private void Acquire(Statement.Acquire acquire)
    {
        var kind = acquire.Kind switch
        {
            ResourceKind.HeapBlock => "heap_block",
            ResourceKind.TableHandle => "table_handle",
            ResourceKind.FileDescriptor => "file_descriptor",
            _ => throw new ArgumentException($"not for Acquire: {acquire.Kind}"),
        };
        var name = locals.Name(acquire.Local);
        writer.Line($"const {name} = rt.acquire({acquire.Site}, .{kind});", acquire.Site);
        switch (acquire.Disposition)
        {
            case Disposition.Defer:
                writer.Line($"defer rt.release({acquire.Site}, {name});");
                break;
            case Disposition.ErrDefer:
                writer.Line($"errdefer rt.release({acquire.Site}, {name});");
                break;
            case Disposition.Manual when !locals.IsMentioned(acquire.Local):
                writer.Line($"_ = {name};");
                break;
        }
    }

    /// <summary>
    /// A statement of one line that declares nothing and leaves nothing: also what a one-line defer holds.
    /// </summary>
    private void Simple(Statement statement, string prefix)
    {
        var (text, site) = statement switch
        {
            Statement.Log log => ($"rt.log({log.Site}, {expressions.Of(log.Value)})", log.Site),
            Statement.CheckBuffer check => ($"rt.log({check.Site}, rt.sum(&{locals.Read(check.Local)}))", check.Site),
            Statement.Release release => ($"rt.release({release.Site}, {locals.Read(release.Local)})", release.Site),
            Statement.Probe probe => ($"rt.probe({probe.Site}, @errorReturnTrace())", probe.Site),
            Statement.Yield yield => ($"rt.yield({yield.Site})", yield.Site),
            Statement.Spawn spawn => ($"rt.spawn({spawn.Site}, {spawn.Fiber})", spawn.Site),
            Statement.Cancel cancel => ($"rt.cancel({cancel.Site}, {cancel.Fiber})", cancel.Site),
            Statement.Store store => ($"{locals.Target(store.Local)} = {expressions.Of(store.Value)}", (int?)null),
            _ => throw new UnreachableException(),
        };
        writer.Line($"{prefix}{text};", site);
    }

    private static bool IsSimple(Statement statement) => statement is Statement.Log or Statement.CheckBuffer
        or Statement.Release or Statement.Probe or Statement.Yield or Statement.Spawn or Statement.Cancel
        or Statement.Store;

    private void Deferred(string keyword, EquatableArray<Statement> body)
    {
        if (body.Count == 1 && IsSimple(body[0]))
        {
            Simple(body[0], keyword);
        }
        else
        {
            Braces(keyword, body);
        }
    }

    private void ErrDeferCapture(Statement.ErrDeferCapture defer)
    {
        var err = EnterCapture();
        if (defer.Body.Count == 0)
        {
            writer.Line($"errdefer |{err}| rt.errdeferred({defer.Site}, {err});", defer.Site);
        }
        else
        {
            writer.Open($"errdefer |{err}| {{");
            writer.Line($"rt.errdeferred({defer.Site}, {err});", defer.Site);
            Body(defer.Body);
            writer.Close();
        }

        _captures--;
    }

    private void If(Statement.If branch)
    {
        var head = $"if ({expressions.Of(branch.When)})";
        if (branch.Else.Count == 0)
        {
            Braces(head + " ", branch.Then);
            return;
        }

        Fork(head, null, branch.Then, "else");
        Body(branch.Else);
        writer.Close();
    }

    /// <summary>An if up to the opening brace of its other branch.</summary>
    private void Fork(string head, int? site, EquatableArray<Statement> body, string turn)
    {
        if (body.Count == 0)
        {
            writer.Open($"{head} {{}} {turn} {{", site);
            return;
        }

        writer.Open($"{head} {{", site);
        Body(body);
        writer.Turn($"}} {turn} {{");
    }

    private void Braces(string head, EquatableArray<Statement> body)
    {
        if (body.Count == 0)
        {
            writer.Line(head + "{}");
            return;
        }

        writer.Open(head + "{");
        Body(body);
        writer.Close();
    }

    private void Raise(int site, ErrorName error)
    {
        writer.Line($"rt.raised({site}, error.{error});", site);
        writer.Line($"return error.{error};");
    }

    /// <param name="atEnd">Nothing follows in the function: without a value there is no need to say return.</param>
    private void Return(ReturnValue value, bool atEnd)
    {
        writer.Line($"rt.leave({function.Id});");
        var text = value switch
        {
            ReturnValue.Local local => locals.Read(local.Index),
            ReturnValue.Made when function.Payload is ZigType.Void => "",
            ReturnValue.Made made => expressions.Made(function.Payload, made.Seed),
            _ => throw new UnreachableException(),
        };
        if (text.Length > 0)
        {
            writer.Line($"return {text};");
        }
        else if (!atEnd)
        {
            writer.Line("return;");
        }
    }

    private string EnterCapture() => ++_captures == 1 ? "err" : $"err_{_captures}";
}
