using Harness.Model;

namespace Harness.Verification;

/// <summary>Coarse names of places in programs, for signatures: the kind of statement and what kind of body it is in.</summary>
internal static class SiteClass
{
    /// <summary>For example <c>acquire-ErrDefer</c>, <c>Log-in-defer</c>; <c>unknown</c> when there is no such site.</summary>
    public static string Of(FiberProgram program, int site)
    {
        foreach (var function in program.Functions)
        {
            if (Find(function.Body, site, "") is { } found)
            {
                return found;
            }
        }

        return "unknown";
    }

    /// <summary>The class of the place an event names; events that name functions get the function's kind.</summary>
    public static string Of(FiberProgram program, Event e) => e.Kind switch
    {
        EventKind.Enter or EventKind.Leave =>
            e.A < (uint)program.Functions.Count ? $"function-{program.Functions[(int)e.A].Kind}" : "unknown",
        EventKind.Delivered or EventKind.Result or EventKind.FiberEnd or EventKind.LedgerReleased => "fiber",
        _ => e.A <= int.MaxValue ? Of(program, (int)e.A) : "unknown",
    };

    private static string? Find(EquatableArray<Statement> body, int site, string context)
    {
        foreach (var statement in body)
        {
            if (StatementTree.Sites(statement).Contains(site))
            {
                return Name(statement) + context;
            }

            var inner = statement switch
            {
                Statement.Defer => "-in-defer",
                Statement.ErrDefer or Statement.ErrDeferCapture => "-in-errdefer",
                Statement.Call => context.Length > 0 ? context : "-in-handler",
                _ => context,
            };
            foreach (var nested in StatementTree.Bodies(statement))
            {
                if (Find(nested, site, inner) is { } found)
                {
                    return found;
                }
            }
        }

        return null;
    }

    private static string Name(Statement statement) => statement switch
    {
        Statement.Acquire acquire => $"acquire-{acquire.Disposition}",
        Statement.Call call => $"call-{call.Handling.GetType().Name}",
        _ => statement.GetType().Name,
    };
}
