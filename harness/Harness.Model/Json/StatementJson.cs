using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>Statements in JSON: an object whose "do" names the kind.</summary>
internal static class StatementJson
{
    private static readonly NameTable<CallForm> Forms = new();
    private static readonly NameTable<ResourceKind> Resources = new();
    private static readonly NameTable<Disposition> Dispositions = new();

    public static JsonArray Write(EquatableArray<Statement> body) => new([.. body.Select(Write)]);

    public static EquatableArray<Statement> ReadBody(JsonPart part) => part.List(Read);

    private static JsonNode Write(Statement statement) => statement switch
    {
        Statement.Log log => new JsonObject
        {
            ["do"] = "log", ["site"] = log.Site, ["value"] = ScalarJson.Write(log.Value),
        },
        Statement.Let let => new JsonObject
        {
            ["do"] = "let", ["local"] = let.Local,
            ["type"] = TypeJson.Write(let.Type), ["seed"] = ScalarJson.Write(let.Seed),
        },
        Statement.Cell cell => new JsonObject
        {
            ["do"] = "cell", ["local"] = cell.Local, ["init"] = ScalarJson.Write(cell.Init),
        },
        Statement.Store store => new JsonObject
        {
            ["do"] = "store", ["local"] = store.Local, ["value"] = ScalarJson.Write(store.Value),
        },
        Statement.Buffer buffer => new JsonObject
        {
            ["do"] = "buffer", ["local"] = buffer.Local, ["words"] = buffer.Words,
            ["align"] = buffer.Align, ["seed"] = ScalarJson.Write(buffer.Seed),
        },
        Statement.CheckBuffer check => new JsonObject
        {
            ["do"] = "checkBuffer", ["site"] = check.Site, ["local"] = check.Local,
        },
        Statement.Call call => new JsonObject
        {
            ["do"] = "call", ["site"] = call.Site, ["function"] = call.Function, ["form"] = Forms[call.Form],
            ["arguments"] = Write(call.Arguments), ["handling"] = HandlingJson.Write(call.Handling),
            ["result"] = call.Result,
        },
        Statement.TailCall call => new JsonObject
        {
            ["do"] = "tailCall", ["site"] = call.Site, ["function"] = call.Function,
            ["arguments"] = Write(call.Arguments),
        },
        Statement.Raise raise => new JsonObject
        {
            ["do"] = "raise", ["site"] = raise.Site, ["error"] = HandlingJson.Errors[raise.Error],
        },
        Statement.Return result => new JsonObject { ["do"] = "return", ["value"] = ScalarJson.Write(result.Value) },
        _ => WriteScope(statement) ?? WriteEffect(statement),
    };

    private static JsonObject? WriteScope(Statement statement) => statement switch
    {
        Statement.Defer deferred => new() { ["do"] = "defer", ["body"] = Write(deferred.Body) },
        Statement.ErrDefer deferred => new() { ["do"] = "errDefer", ["body"] = Write(deferred.Body) },
        Statement.ErrDeferCapture deferred => new()
        {
            ["do"] = "errDeferCapture", ["site"] = deferred.Site, ["body"] = Write(deferred.Body),
        },
        Statement.Block block => new() { ["do"] = "block", ["body"] = Write(block.Body) },
        Statement.Loop loop => new()
        {
            ["do"] = "loop", ["local"] = loop.Local, ["count"] = loop.Count, ["body"] = Write(loop.Body),
        },
        Statement.BreakIf leave => new() { ["do"] = "breakIf", ["when"] = ScalarJson.Write(leave.When) },
        Statement.ContinueIf next => new() { ["do"] = "continueIf", ["when"] = ScalarJson.Write(next.When) },
        Statement.If branch => new()
        {
            ["do"] = "if", ["when"] = ScalarJson.Write(branch.When),
            ["then"] = Write(branch.Then), ["else"] = Write(branch.Else),
        },
        Statement.IfFuel branch => new() { ["do"] = "ifFuel", ["body"] = Write(branch.Body) },
        _ => null,
    };

    private static JsonObject WriteEffect(Statement statement) => statement switch
    {
        Statement.Acquire acquire => new()
        {
            ["do"] = "acquire", ["site"] = acquire.Site, ["local"] = acquire.Local,
            ["kind"] = Resources[acquire.Kind], ["disposition"] = Dispositions[acquire.Disposition],
        },
        Statement.Lock take => new()
        {
            ["do"] = "lock", ["site"] = take.Site, ["local"] = take.Local, ["mutex"] = take.Mutex,
        },
        Statement.Release release => new()
        {
            ["do"] = "release", ["site"] = release.Site, ["local"] = release.Local,
        },
        Statement.Probe probe => new() { ["do"] = "probe", ["site"] = probe.Site },
        Statement.Yield yield => new() { ["do"] = "yield", ["site"] = yield.Site },
        Statement.Spawn spawn => new() { ["do"] = "spawn", ["site"] = spawn.Site, ["fiber"] = spawn.Fiber },
        Statement.Join join => new() { ["do"] = "join", ["site"] = join.Site, ["fiber"] = join.Fiber },
        Statement.Cancel cancel => new() { ["do"] = "cancel", ["site"] = cancel.Site, ["fiber"] = cancel.Fiber },
        _ => throw new UnreachableException(statement.GetType().Name),
    };

    private static JsonArray Write(EquatableArray<Argument> arguments) => new([.. arguments.Select(ScalarJson.Write)]);

    private static Statement Read(JsonPart part)
    {
        var kind = part["do"].Text();
        return ReadScope(kind, part)
            ?? ReadEffect(kind, part)
            ?? ReadPlain(kind, part)
            ?? throw part.Wrong($"unknown statement kind \"{JsonPart.Shown(kind)}\"");
    }

    private static Statement? ReadPlain(string kind, JsonPart p) => kind switch
    {
        "log" => new Statement.Log(p.Having("do", "site", "value")["site"].Int(), ScalarJson.Read(p["value"])),
        "let" => new Statement.Let(
            p.Having("do", "local", "type", "seed")["local"].Int(),
            TypeJson.Read(p["type"]), ScalarJson.Read(p["seed"])),
        "cell" => new Statement.Cell(p.Having("do", "local", "init")["local"].Int(), ScalarJson.Read(p["init"])),
        "store" => new Statement.Store(p.Having("do", "local", "value")["local"].Int(), ScalarJson.Read(p["value"])),
        "buffer" => new Statement.Buffer(
            p.Having("do", "local", "words", "align", "seed")["local"].Int(),
            p["words"].Int(), p["align"].Int(), ScalarJson.Read(p["seed"])),
        "checkBuffer" => new Statement.CheckBuffer(p.Having("do", "site", "local")["site"].Int(), p["local"].Int()),
        "call" => new Statement.Call(
            p.Having("do", "site", "function", "form", "arguments", "handling", "result")["site"].Int(),
            p["function"].Int(), p["form"].Named(Forms), p["arguments"].List(ScalarJson.ReadArgument),
            HandlingJson.Read(p["handling"]), p["result"].Int(-1)),
        "tailCall" => new Statement.TailCall(
            p.Having("do", "site", "function", "arguments")["site"].Int(),
            p["function"].Int(), p["arguments"].List(ScalarJson.ReadArgument)),
        "raise" => new Statement.Raise(
            p.Having("do", "site", "error")["site"].Int(), p["error"].Named(HandlingJson.Errors)),
        "return" => new Statement.Return(ScalarJson.ReadReturnValue(p.Having("do", "value")["value"])),
        _ => null,
    };

    private static Statement? ReadScope(string kind, JsonPart p) => kind switch
    {
        "defer" => new Statement.Defer(ReadBody(p.Having("do", "body")["body"])),
        "errDefer" => new Statement.ErrDefer(ReadBody(p.Having("do", "body")["body"])),
        "errDeferCapture" => new Statement.ErrDeferCapture(
            p.Having("do", "site", "body")["site"].Int(), ReadBody(p["body"])),
        "block" => new Statement.Block(ReadBody(p.Having("do", "body")["body"])),
        "loop" => new Statement.Loop(
            p.Having("do", "local", "count", "body")["local"].Int(), p["count"].Int(), ReadBody(p["body"])),
        "breakIf" => new Statement.BreakIf(ScalarJson.ReadCondition(p.Having("do", "when")["when"])),
        "continueIf" => new Statement.ContinueIf(ScalarJson.ReadCondition(p.Having("do", "when")["when"])),
        "if" => new Statement.If(
            ScalarJson.ReadCondition(p.Having("do", "when", "then", "else")["when"]),
            ReadBody(p["then"]), ReadBody(p["else"])),
        "ifFuel" => new Statement.IfFuel(ReadBody(p.Having("do", "body")["body"])),
        _ => null,
    };

    private static Statement? ReadEffect(string kind, JsonPart p) => kind switch
    {
        "acquire" => new Statement.Acquire(
            p.Having("do", "site", "local", "kind", "disposition")["site"].Int(), p["local"].Int(),
            p["kind"].Named(Resources), p["disposition"].Named(Dispositions)),
        "lock" => new Statement.Lock(
            p.Having("do", "site", "local", "mutex")["site"].Int(), p["local"].Int(), p["mutex"].Int()),
        "release" => new Statement.Release(p.Having("do", "site", "local")["site"].Int(), p["local"].Int()),
        "probe" => new Statement.Probe(p.Having("do", "site")["site"].Int()),
        "yield" => new Statement.Yield(p.Having("do", "site")["site"].Int()),
        "spawn" => new Statement.Spawn(p.Having("do", "site", "fiber")["site"].Int(), p["fiber"].Int()),
        "join" => new Statement.Join(p.Having("do", "site", "fiber")["site"].Int(), p["fiber"].Int()),
        "cancel" => new Statement.Cancel(p.Having("do", "site", "fiber")["site"].Int(), p["fiber"].Int()),
        _ => null,
    };
}
