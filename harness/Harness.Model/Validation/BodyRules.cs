namespace Harness.Model;

/// <summary>Scopes, locals and statements of one function. Who holds which handle: <see cref="HandleFlow"/>.</summary>
internal sealed partial class BodyRules(FiberProgram program, Function function, ErrorSets errors, List<string> faults)
{
    private readonly HashSet<int> _declared = [];

    /// <summary>Locals in scope, innermost block last.</summary>
    private readonly List<Dictionary<int, Local>> _scopes = [[]];

    private string _where = $"function {function.Id}";

    private enum LocalKind
    {
        Value,
        Handle,
        Cell,
        CellPointer,
        Buffer,
        Index,
    }

    /// <summary>A local in scope. A slice is framed when it may point into this function's frame.</summary>
    private readonly record struct Local(LocalKind Kind, ZigType? Type, bool Framed = false);

    /// <summary>Where a statement stands.</summary>
    private readonly record struct Place(bool InDefer, bool InLoop, bool InFuel, bool DeferPending);

    public void Check()
    {
        for (var i = 0; i < function.Parameters.Count; i++)
        {
            var type = function.Parameters[i];
            Declare(i, new(type is ZigType.CellPointer ? LocalKind.CellPointer : LocalKind.Value, type));
        }

        Body(function.Body, default);
    }

    private void Body(EquatableArray<Statement> body, Place place, Action? declare = null)
    {
        _scopes.Add([]);
        declare?.Invoke();
        for (var i = 0; i < body.Count; i++)
        {
            _where = StatementTree.SiteOf(body[i]) is { } site
                ? $"function {function.Id}, site {site}"
                : $"function {function.Id}, {body[i].GetType().Name}";
            Require(i == 0 || body[i - 1] is not (Statement.Return or Statement.Raise or Statement.TailCall),
                "stands behind a return, raise or tail call");
            Visit(body[i], place);
            place = place with { DeferPending = place.DeferPending || MakesDefer(body[i]) };
            Require(body[i] is not Statement.Acquire { Disposition: Disposition.Manual } manual
                || ReleasedAfter(body, i, manual.Local),
                "a manual acquisition needs a Release later in its block, with nothing between that can leave");
        }

        _scopes.RemoveAt(_scopes.Count - 1);
    }

    private void Visit(Statement statement, Place place)
    {
        switch (statement)
        {
            case Statement.Call call:
                Call(call, place);
                break;
            case Statement.TailCall call:
                TailCall(call, place);
                break;
            case Statement.Defer deferred:
                Deferred(deferred.Body, place);
                break;
            case Statement.ErrDefer deferred:
                RequireFallible("an errdefer");
                Deferred(deferred.Body, place);
                break;
            case Statement.ErrDeferCapture deferred:
                RequireFallible("an errdefer");
                Deferred(deferred.Body, place);
                break;
            case Statement.Block block:
                Body(block.Body, place);
                break;
            case Statement.Loop loop:
                Require(loop.Count is >= 1 and <= 16, $"a loop of {loop.Count} rounds (1 to 16)");
                Body(loop.Body, place with { InLoop = true }, () => Declare(loop.Local, new(LocalKind.Index, null)));
                break;
            case Statement.BreakIf { When: var when }:
                LeavesLoop(when, place);
                break;
            case Statement.ContinueIf { When: var when }:
                LeavesLoop(when, place);
                break;
            case Statement.If branch:
                CheckCondition(branch.When);
                Body(branch.Then, place);
                Body(branch.Else, place);
                break;
            case Statement.IfFuel branch:
                Body(branch.Body, place with { InFuel = true });
                break;
            case Statement.Raise raise:
                RequireFallible("a raise");
                Require(!place.InDefer, "a raise inside a defer");
                CheckRaised(raise.Error);
                break;
            case Statement.Return result:
                Require(!place.InDefer, "a return inside a defer");
                Return(result.Value);
                break;
            default:
                Simple(statement, place);
                break;
        }
    }

    private void Simple(Statement statement, Place place)
    {
        switch (statement)
        {
            case Statement.Log log:
                CheckScalar(log.Value);
                break;
            case Statement.Let let:
                CheckScalar(let.Seed);
                Refuse(TypeRules.MakeableFault(let.Type));
                Declare(let.Local, new(LocalKind.Value, let.Type));
                break;
            case Statement.Cell cell:
                CheckScalar(cell.Init);
                Declare(cell.Local, new(LocalKind.Cell, null));
                break;
            case Statement.Store store:
                CheckScalar(store.Value);
                RequireKind(store.Local, "a cell or cell pointer", LocalKind.Cell, LocalKind.CellPointer);
                break;
            case Statement.Buffer buffer:
                CheckScalar(buffer.Seed);
                CheckBuffer(buffer);
                Declare(buffer.Local, new(LocalKind.Buffer, null));
                break;
            case Statement.CheckBuffer check:
                RequireKind(check.Local, "a buffer", LocalKind.Buffer);
                break;
            case Statement.Acquire acquire:
                Require(acquire.Kind is not ResourceKind.Mutex, "a mutex is taken by Lock");
                Require(acquire.Disposition is not Disposition.ErrDefer || function.IsFallible,
                    "an errdefer in an infallible function");
                Declare(acquire.Local, new(LocalKind.Handle, new ZigType.Handle()));
                break;
            case Statement.Lock take:
                RequireFallible("a lock");
                Require(!place.InDefer, "a lock inside a defer");
                Require(take.Mutex >= 0 && take.Mutex < program.Mutexes, $"no mutex {take.Mutex}");
                Declare(take.Local, new(LocalKind.Handle, new ZigType.Handle()));
                break;
            case Statement.Release release:
                RequireKind(release.Local, "a handle", LocalKind.Handle);
                break;
            case Statement.Spawn spawn:
                RequireFiber(spawn.Fiber);
                break;
            case Statement.Join join:
                RequireFallible("a join");
                Require(!place.InDefer, "a join inside a defer");
                RequireFiber(join.Fiber);
                break;
            case Statement.Cancel cancel:
                RequireFiber(cancel.Fiber);
                break;
            default:
                break;
        }
    }

    private void CheckBuffer(Statement.Buffer buffer)
    {
        Require(buffer.Words is >= ProgramLimits.SlicedWords and <= ProgramLimits.MaxBufferWords,
            $"a buffer of {buffer.Words} words ({ProgramLimits.SlicedWords} to {ProgramLimits.MaxBufferWords})");
        Require(buffer.Align is >= 8 and <= 4096 && (buffer.Align & (buffer.Align - 1)) == 0,
            $"a buffer of alignment {buffer.Align} (a power of two from 8 to 4096)");
    }

    /// <summary>A deferred body cannot leave through loops around it.</summary>
    private void Deferred(EquatableArray<Statement> body, Place place) =>
        Body(body, place with { InDefer = true, InLoop = false });

    private void LeavesLoop(Condition when, Place place)
    {
        Require(place.InLoop, "no loop around it to leave (inside the same defer)");
        CheckCondition(when);
    }

    private void Return(ReturnValue value)
    {
        if (value is ReturnValue.Made made)
        {
            CheckScalar(made.Seed);
            Require(function.Payload is not ZigType.Handle, "a handle cannot be made from a seed");
            return;
        }

        var index = ((ReturnValue.Local)value).Index;
        if (Find(index) is not { } local)
        {
            return;
        }

        Require(local.Kind is LocalKind.Value or LocalKind.Handle && local.Type == function.Payload,
            $"returns local {index}, which is not of the payload's type");
        Require(!local.Framed, $"returns local {index}, which may point into this function's frame");
    }

    private static bool MakesDefer(Statement statement) => statement
        is Statement.Defer or Statement.ErrDefer or Statement.ErrDeferCapture or Statement.Lock
        or Statement.Acquire { Disposition: not Disposition.Manual };

    /// <summary>Whether a Release of the local follows in the block before anything that can leave it.</summary>
    private static bool ReleasedAfter(EquatableArray<Statement> body, int index, int local)
    {
        for (var i = index + 1; i < body.Count; i++)
        {
            if (body[i] is Statement.Release release && release.Local == local)
            {
                return true;
            }

            if (CanLeave(body[i], inLoop: false))
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Whether control may leave the block around the statement by it. A panic does not count.</summary>
    private static bool CanLeave(Statement statement, bool inLoop) => statement switch
    {
        Statement.Return or Statement.Raise or Statement.TailCall or Statement.Lock or Statement.Join => true,
        Statement.Call { Handling: Handling.Try or Handling.Map or Handling.Rethrow } => true,
        Statement.BreakIf or Statement.ContinueIf => !inLoop,
        _ => StatementTree.Bodies(statement).Any(body => body.Any(inner =>
            CanLeave(inner, inLoop || statement is Statement.Loop))),
    };
}
