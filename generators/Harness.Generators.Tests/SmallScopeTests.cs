using Harness.Generators.Exhaustive;
using Harness.Model;

namespace Harness.Generators.Tests;

/// <summary>Every program up to a size, each once.</summary>
public sealed class SmallScopeTests
{
    [Fact]
    public void Size_0_is_the_empty_program()
    {
        var program = Assert.Single(SmallScope.UpTo(0));
        var function = Assert.Single(program.Functions);
        Assert.Empty(function.Body);
    }

    /// <summary>
    /// By hand: log, probe, acquire, raise, recurse; a fallible callee by try, map, rethrow, catch and if-else; an infallible one plainly. The
    /// owner of a handle and its call are two.
    /// </summary>
    [Fact]
    public void Size_1_is_what_one_counts_by_hand()
    {
        var programs = SmallScope.UpTo(1);
        Assert.Equal(1 + 5 + 5 + 1, programs.Count);
        Assert.Equal(6, programs.Count(program => program.Functions.Count == 1));
        Assert.Equal(
            [typeof(Handling.CatchBlock), typeof(Handling.IfElse), typeof(Handling.Map), typeof(Handling.Plain), typeof(Handling.Rethrow), typeof(Handling.Try)],
            programs.Where(program => program.Functions.Count == 2)
                .Select(program => ((Statement.Call)program.Functions[0].Body[0]).Handling.GetType()).OrderBy(type => type.Name, StringComparer.Ordinal));
    }

    [Fact]
    public void Each_is_well_formed_ends_and_comes_once()
    {
        var programs = SmallScope.UpTo(3);
        Assert.All(programs, program => Assert.Empty(Validator.Check(program)));
        Assert.All(programs, program => Assert.Equal(
            RunEnding.Finished, CompiledProgram.Of(program).Run(new FaultPlan.None(), Schedule.Fifo).Ending));
        Assert.Equal(programs.Count, programs.Distinct().Count());
        Assert.Equal(programs.Count, programs.Select(Renamed).Distinct().Count());
    }

    /// <summary>A larger size has the smaller one's programs at the same ordinals.</summary>
    [Fact]
    public void Ordinals_stay()
    {
        var (small, large) = (SmallScope.UpTo(2), SmallScope.UpTo(3));
        Assert.Equal(small, large.Take(small.Count));
    }

    /// <summary>What is put together at random from the same statements is among them.</summary>
    [Theory]
    [InlineData("errdefer around a raise")]
    [InlineData("owner that fails behind its acquiring")]
    [InlineData("two functions, the second by both")]
    public void What_one_thinks_of_is_there(string name)
    {
        Function Void(int id, params Statement[] body) =>
            new(id, FunctionKind.Plain, new ErrorSet.Inferred(), new ZigType.Void(), [], NoInline: true, body.ToEquatableArray());
        Statement.Call Try(int site, int function) => new(site, function, CallForm.Direct, [], new Handling.Try(), -1);
        var wanted = name switch
        {
            "errdefer around a raise" => Program(
                Void(0, new Statement.ErrDefer([new Statement.Log(0, new Scalar.Const(0))]), new Statement.Raise(1, ErrorName.NotFound))),
            "owner that fails behind its acquiring" => Program(
                Void(0, new Statement.Call(0, 1, CallForm.Direct, [], new Handling.Try(), 0), new Statement.Defer([new Statement.Release(1, 0)])),
                new Function(
                    1, FunctionKind.Plain, new ErrorSet.Inferred(), new ZigType.Handle(), [], NoInline: true,
                    [new Statement.Acquire(2, 0, ResourceKind.HeapBlock, Disposition.ErrDefer), new Statement.Raise(3, ErrorName.NotFound)])),
            _ => Program(Void(0, Try(0, 1), Try(1, 2)), Void(1, Try(2, 2)), Void(2)),
        };
        Assert.Empty(Validator.Check(wanted));
        Assert.Contains(wanted, SmallScope.UpTo(3));
    }

    [Theory]
    [InlineData("exhaust:3", 3)]
    [InlineData("default", null)]
    [InlineData(null, null)]
    public void A_profile_names_a_size(string? profile, int? size) => Assert.Equal(size, SmallScopeProfile.SizeOf(profile));

    [Theory]
    [InlineData("exhaust:7")]
    [InlineData("exhaust:-1")]
    [InlineData("exhaust:many")]
    public void Another_size_is_none(string profile) => Assert.Throws<FormatException>(() => SmallScopeProfile.SizeOf(profile));

    private static FiberProgram Program(params Function[] functions) =>
        new(functions.ToEquatableArray(), [new Fiber(0, [], 0, StartsAtLaunch: true)], Mutexes: 0);

    /// <summary>With functions 1 and 2 named the other way round where calls allow it, the smaller text of both: the same for one program under two names.</summary>
    private static string Renamed(FiberProgram program)
    {
        var text = ProgramJson.Write(program);
        if (program.Functions.Count < 3 || StatementTree.All(program.Functions[1].Body).Any(s => StatementTree.CalleeOf(s) == 2))
        {
            return text;
        }

        var other = ProgramJson.Write(program with
        {
            Functions = [Swapped(program.Functions[0], 0), Swapped(program.Functions[2], 1), Swapped(program.Functions[1], 2)],
        });
        // Sites are numbered by function, so the names are compared without them.
        return string.Join('|', new[] { Bare(text), Bare(other) }.Order(StringComparer.Ordinal));
    }

    private static Function Swapped(Function function, int id) => function with { Id = id, Body = Swapped(function.Body) };

    private static EquatableArray<Statement> Swapped(EquatableArray<Statement> body) => body.Select(Swapped).ToEquatableArray();

    private static Statement Swapped(Statement statement) => statement switch
    {
        Statement.Call call => call with
        {
            Function = call.Function is 0 ? 0 : 3 - call.Function,
            Handling = call.Handling switch
            {
                Handling.CatchBlock block => block with { Body = Swapped(block.Body) },
                Handling.IfElse branch => branch with { Then = Swapped(branch.Then), Else = Swapped(branch.Else) },
                var other => other,
            },
        },
        Statement.Defer deferred => new Statement.Defer(Swapped(deferred.Body)),
        Statement.ErrDefer deferred => new Statement.ErrDefer(Swapped(deferred.Body)),
        Statement.ErrDeferCapture deferred => deferred with { Body = Swapped(deferred.Body) },
        Statement.Block block => new Statement.Block(Swapped(block.Body)),
        Statement.Loop loop => loop with { Body = Swapped(loop.Body) },
        _ => statement,
    };

    private static string Bare(string json) =>
        System.Text.RegularExpressions.Regex.Replace(json, "\"(site|value|const)\": ?\\d+", "");
}
