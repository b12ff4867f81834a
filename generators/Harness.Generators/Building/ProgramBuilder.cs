using FsCheck;
using FsCheck.Fluent;
using Harness.Generators.Syntax;
using Harness.Model;

namespace Harness.Generators.Building;

/// <summary>
/// Outline, bodies from the last function to the first, fibers: a program that is still to be trimmed.
/// </summary>
internal static class ProgramBuilder
{
    private static readonly Gen<ulong> Word =
        from high in Gen.Choose(int.MinValue, int.MaxValue)
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        select ((ulong)(uint)high << 32) | (uint)low;

    public static FiberProgram Build(Choices choices, Profile profile)
    {
        var types = new TypeGen(profile);
        var plan = new Planner(choices, profile, types).Plan();
        var functions = new Function[plan.Functions.Count];
        for (var id = functions.Length - 1; id >= 0; id--)
        {
            var function = plan.Functions[id];
            functions[id] = function.ToFunction(new BodyWriter(choices, profile, types, plan, function).Write());
        }

        var deep = DeepFiber(plan);
        var fibers = plan.Fibers.Select(
            (fiber, index) =>
                new Fiber(
                    fiber.Entry,
                    plan.Functions[fiber.Entry].Parameters.Select(_ => choices.Draw(Word)).ToEquatableArray(),
                    Fuel(choices, plan, isDeep: index == deep),
                    fiber.StartsAtLaunch
                )
        );
        return Renumbering.Normalize(
            new FiberProgram(functions.ToEquatableArray(), fibers.ToEquatableArray(), plan.Mutexes + (plan.Ring?.Mutexes ?? 0))
        );
    }

    private static int Fuel(Choices choices, ProgramPlan plan, bool isDeep) =>
        plan.Recursion switch
        {
            Recursion.None => 0,
            Recursion.Deep => isDeep ? choices.Between(1_000, 5_000) : choices.Between(0, 3),
            _ => choices.Between(1, 8),
        };

    /// <summary>The first fiber whose entry leads to the deep cycle.</summary>
    private static int DeepFiber(ProgramPlan plan)
    {
        var id = plan.Functions.FirstOrDefault(function => function.IsDeep)?.Id ?? -1;
        while (id >= 0 && !plan.Functions[id].IsEntry)
        {
            id = plan.Functions.First(function => function.Children.Contains(id)).Id;
        }

        return Enumerable.Range(0, plan.Fibers.Count).FirstOrDefault(i => plan.Fibers[i].Entry == id, -1);
    }
}
