namespace Harness.Model;

/// <summary>The statements of a body as a tree: bodies within statements, and the sites of one statement.</summary>
public static class StatementTree
{
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
