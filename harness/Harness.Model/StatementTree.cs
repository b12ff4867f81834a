namespace Harness.Model;

/// <summary>The statements of a body as a tree: bodies within statements, and the sites of one statement.</summary>
public static class StatementTree
{
    /// <summary>Statements of all functions, nested ones too.</summary>
    public static int Count(FiberProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return program.Functions.Sum(function => All(function.Body).Count());
    }

    /// <summary>Statements of the case's program and of its company.</summary>
    public static int Count(Case @case)
    {
        ArgumentNullException.ThrowIfNull(@case);
        return @case.Unit.Sum(Count);
    }

    /// <summary>The bodies directly inside a statement, in source order.</summary>
    public static IEnumerable<EquatableArray<Statement>> Bodies(Statement statement) => statement switch
    {
        Statement.Call call => Bodies(call.Handling),
        Statement.Defer deferred => [deferred.Body],
        Statement.ErrDefer deferred => [deferred.Body],
        Statement.ErrDeferCapture deferred => [deferred.Body],
        Statement.Block block => [block.Body],
        Statement.Loop loop => [loop.Body],
        Statement.If branch => [branch.Then, branch.Else],
        Statement.IfFuel branch => [branch.Body],
        _ => [],
    };

    /// <summary>The bodies directly inside a handling, in source order.</summary>
    public static IEnumerable<EquatableArray<Statement>> Bodies(Handling handling) => handling switch
    {
        Handling.CatchBlock block => [block.Body],
        Handling.CatchSwitch choice => [.. choice.Cases.Select(prong => prong.Body), choice.Else],
        Handling.IfElse branch => [branch.Then, branch.Else],
        _ => [],
    };

    /// <summary>Every statement of a body, those inside others after them.</summary>
    public static IEnumerable<Statement> All(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            yield return statement;
            foreach (var inner in Bodies(statement).SelectMany(All))
            {
                yield return inner;
            }
        }
    }

    /// <summary>
    /// Whether control can come out behind the statement, as Zig sees it: loops and defers always end. Zig does not
    /// analyse what stands behind a statement that does not complete.
    /// </summary>
    public static bool Completes(Statement statement) => statement switch
    {
        Statement.Return or Statement.Raise or Statement.TailCall => false,
        Statement.Block block => Completes(block.Body),
        Statement.If branch => Completes(branch.Then) || Completes(branch.Else),
        Statement.Call { Handling: Handling.IfElse branch } => Completes(branch.Then) || Completes(branch.Else),
        _ => true,
    };

    /// <summary>Whether control can come to the end of the body.</summary>
    public static bool Completes(EquatableArray<Statement> body) => body.All(Completes);

    /// <summary>As <see cref="All"/>, without what stands behind a statement that does not complete.</summary>
    public static IEnumerable<Statement> Live(EquatableArray<Statement> body)
    {
        foreach (var statement in body)
        {
            yield return statement;
            foreach (var inner in Bodies(statement).SelectMany(Live))
            {
                yield return inner;
            }

            if (!Completes(statement))
            {
                yield break;
            }
        }
    }

    /// <summary>The sites of a statement itself: its own, then its handling's.</summary>
    public static IEnumerable<int> Sites(Statement statement)
    {
        if (SiteOf(statement) is { } site)
        {
            yield return site;
        }

        if (statement is Statement.Call { Handling: var handling } && SiteOf(handling) is { } second)
        {
            yield return second;
        }
    }

    /// <summary>The site of a statement; null for kinds without one.</summary>
    public static int? SiteOf(Statement statement) => statement switch
    {
        Statement.Log log => log.Site,
        Statement.CheckBuffer check => check.Site,
        Statement.Call call => call.Site,
        Statement.TailCall call => call.Site,
        Statement.ErrDeferCapture deferred => deferred.Site,
        Statement.Raise raise => raise.Site,
        Statement.Acquire acquire => acquire.Site,
        Statement.Lock take => take.Site,
        Statement.Release release => release.Site,
        Statement.Probe probe => probe.Site,
        Statement.Yield yield => yield.Site,
        Statement.Spawn spawn => spawn.Site,
        Statement.Join join => join.Site,
        Statement.Cancel cancel => cancel.Site,
        _ => null,
    };

    /// <summary>The site of a handling; null for kinds without one.</summary>
    public static int? SiteOf(Handling handling) => handling switch
    {
        Handling.CatchBlock block => block.Site,
        Handling.CatchSwitch choice => choice.Site,
        Handling.Map map => map.Site,
        Handling.Rethrow rethrow => rethrow.Site,
        Handling.IfElse branch => branch.Site,
        _ => null,
    };

    /// <summary>The function that a statement calls; null for others.</summary>
    public static int? CalleeOf(Statement statement) => statement switch
    {
        Statement.Call call => call.Function,
        Statement.TailCall call => call.Function,
        _ => null,
    };
}
