using System.Diagnostics;
using Harness.Model;

namespace Harness.Generators.Syntax;

/// <summary>
/// Rebuilds a program node by node; a subclass overrides what it changes. Nodes are visited in source order, and a
/// statement's declaration before the statements it covers.
/// </summary>
internal abstract class ProgramRewriter
{
    public virtual FiberProgram Rewrite(FiberProgram program) =>
        program with
        {
            Functions = program.Functions.Select(Rewrite).ToEquatableArray(),
            Fibers = program.Fibers.Select(Rewrite).ToEquatableArray(),
        };

    public virtual Function Rewrite(Function function) =>
        function with
        {
            Payload = Rewrite(function.Payload),
            Parameters = function.Parameters.Select(Rewrite).ToEquatableArray(),
            Body = Body(function.Body),
        };

    public virtual EquatableArray<Statement> Body(EquatableArray<Statement> body)
    {
        var rewritten = new List<Statement>(body.Count);
        foreach (var statement in body)
        {
            Rewrite(statement, rewritten);
        }

        return rewritten.ToEquatableArray();
    }

    /// <summary>Adds what becomes of the statement: one, none or several.</summary>
    protected virtual void Rewrite(Statement statement, List<Statement> into) => into.Add(Children(statement));

    protected virtual Fiber Rewrite(Fiber fiber) => fiber with { Function = FunctionReference(fiber.Function) };

    protected virtual int Site(int site) => site;

    protected virtual int Declaration(int local) => local;

    protected virtual int Reference(int local) => local;

    protected virtual int FunctionReference(int function) => function;

    protected virtual int FiberReference(int fiber) => fiber;

    protected virtual int MutexReference(int mutex) => mutex;

    protected virtual ZigType Rewrite(ZigType type) => type;

    protected virtual Scalar Rewrite(Scalar scalar) =>
        scalar switch
        {
            Scalar.Fold fold => new Scalar.Fold(Reference(fold.Local)),
            Scalar.LoopIndex index => new Scalar.LoopIndex(Reference(index.Local)),
            Scalar.Add add => new Scalar.Add(Rewrite(add.Left), Rewrite(add.Right)),
            _ => scalar,
        };

    protected virtual Argument Rewrite(Argument argument) =>
        argument switch
        {
            Argument.Made made => new Argument.Made(Rewrite(made.Seed)),
            Argument.Local local => new Argument.Local(Reference(local.Index)),
            _ => throw new UnreachableException(),
        };

    protected virtual Handling Rewrite(Handling handling) =>
        handling switch
        {
            Handling.CatchValue h => new Handling.CatchValue(Rewrite(h.Fallback)),
            Handling.CatchBlock h => new Handling.CatchBlock(Site(h.Site), Body(h.Body), Rewrite(h.Fallback)),
            Handling.CatchSwitch h => new Handling.CatchSwitch(
                Site(h.Site),
                h.Cases.Select(c => c with { Body = Body(c.Body) }).ToEquatableArray(),
                Body(h.Else),
                Rewrite(h.Fallback)
            ),
            Handling.Map h => h with { Site = Site(h.Site) },
            Handling.Rethrow h => new Handling.Rethrow(Site(h.Site)),
            Handling.IfElse h => new Handling.IfElse(Site(h.Site), Body(h.Then), Body(h.Else)),
            _ => handling,
        };

    protected Condition Rewrite(Condition condition) => condition with { Value = Rewrite(condition.Value) };

    protected Statement Children(Statement statement) =>
        statement switch
        {
            Statement.Call s => Call(s),
            Statement.TailCall s => new Statement.TailCall(
                Site(s.Site),
                FunctionReference(s.Function),
                s.Arguments.Select(Rewrite).ToEquatableArray()
            ),
            Statement.Defer s => new Statement.Defer(Body(s.Body)),
            Statement.ErrDefer s => new Statement.ErrDefer(Body(s.Body)),
            Statement.ErrDeferCapture s => new Statement.ErrDeferCapture(Site(s.Site), Body(s.Body)),
            Statement.Block s => new Statement.Block(Body(s.Body)),
            Statement.Loop s => s with { Local = Declaration(s.Local), Body = Body(s.Body) },
            Statement.BreakIf s => new Statement.BreakIf(Rewrite(s.When)),
            Statement.ContinueIf s => new Statement.ContinueIf(Rewrite(s.When)),
            Statement.If s => new Statement.If(Rewrite(s.When), Body(s.Then), Body(s.Else)),
            Statement.IfFuel s => new Statement.IfFuel(Body(s.Body)),
            _ => Leaf(statement),
        };

    private Statement Call(Statement.Call s)
    {
        var site = Site(s.Site);
        var function = FunctionReference(s.Function);
        var arguments = s.Arguments.Select(Rewrite).ToEquatableArray();
        var result = s.Result < 0 ? s.Result : Declaration(s.Result);
        return new Statement.Call(site, function, s.Form, arguments, Rewrite(s.Handling), result);
    }

    private Statement Leaf(Statement statement) =>
        statement switch
        {
            Statement.Log s => new Statement.Log(Site(s.Site), Rewrite(s.Value)),
            Statement.Let s => new Statement.Let(Declaration(s.Local), Rewrite(s.Type), Rewrite(s.Seed)),
            Statement.Cell s => new Statement.Cell(Declaration(s.Local), Rewrite(s.Init)),
            Statement.Store s => new Statement.Store(Reference(s.Local), Rewrite(s.Value)),
            Statement.Buffer s => s with { Local = Declaration(s.Local), Seed = Rewrite(s.Seed) },
            Statement.CheckBuffer s => new Statement.CheckBuffer(Site(s.Site), Reference(s.Local)),
            Statement.Raise s => s with { Site = Site(s.Site) },
            Statement.Return s => new Statement.Return(Value(s.Value)),
            Statement.Acquire s => s with { Site = Site(s.Site), Local = Declaration(s.Local) },
            Statement.Lock s => new Statement.Lock(Site(s.Site), Declaration(s.Local), MutexReference(s.Mutex)),
            Statement.Release s => new Statement.Release(Site(s.Site), Reference(s.Local)),
            Statement.Probe s => new Statement.Probe(Site(s.Site)),
            Statement.Yield s => new Statement.Yield(Site(s.Site)),
            Statement.Spawn s => new Statement.Spawn(Site(s.Site), FiberReference(s.Fiber)),
            Statement.Join s => new Statement.Join(Site(s.Site), FiberReference(s.Fiber)),
            Statement.Cancel s => new Statement.Cancel(Site(s.Site), FiberReference(s.Fiber)),
            _ => throw new UnreachableException(),
        };

    private ReturnValue Value(ReturnValue value) =>
        value switch
        {
            ReturnValue.Made made => new ReturnValue.Made(Rewrite(made.Seed)),
            ReturnValue.Local local => new ReturnValue.Local(Reference(local.Index)),
            _ => throw new UnreachableException(),
        };
}
