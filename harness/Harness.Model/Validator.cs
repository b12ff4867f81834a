namespace Harness.Model;

/// <summary>
/// The static rules of programs: those that the AST's comments state, and those that Zig imposes on what is emitted.
/// </summary>
public static class Validator
{
    /// <summary>What is wrong with the program, naming function and site; empty when it is well-formed.</summary>
    public static IReadOnlyList<string> Check(FiberProgram program)
    {
        var faults = new List<string>();
        CheckCounts(program, faults);
        for (var i = 0; i < program.Functions.Count; i++)
        {
            CheckSignature(program.Functions[i], i, faults);
        }

        CheckReferences(program, faults);
        if (faults.Count > 0)
        {
            // The rules below follow calls: they need the references to hold.
            return faults;
        }

        CheckFibers(program, faults);
        var errors = new ErrorSets(program);
        CheckInferred(program, faults);
        foreach (var function in program.Functions)
        {
            var before = faults.Count;
            new BodyRules(program, function, errors, faults).Check();
            if (faults.Count == before)
            {
                new HandleFlow(program, function, faults).Check();
            }
        }

        return faults;
    }

    private static void CheckCounts(FiberProgram program, List<string> faults)
    {
        Require(program.Functions.Count is >= 1 and <= ProgramLimits.MaxFunctions, faults, () =>
            $"program: {program.Functions.Count} functions (1 to {ProgramLimits.MaxFunctions})");
        Require(program.Fibers.Count is >= 1 and <= ProgramLimits.MaxFibers, faults, () =>
            $"program: {program.Fibers.Count} fibers (1 to {ProgramLimits.MaxFibers})");
        Require(program.Mutexes is >= 0 and <= ProgramLimits.MaxMutexes, faults, () =>
            $"program: {program.Mutexes} mutexes (0 to {ProgramLimits.MaxMutexes})");
    }

    private static void CheckSignature(Function function, int index, List<string> faults)
    {
        var where = $"function {index}";
        Require(function.Id == index, faults, () => $"{where}: its id is {function.Id}");
        Require(function.Parameters.Count <= ProgramLimits.MaxParameters, faults, () =>
            $"{where}: {function.Parameters.Count} parameters (at most {ProgramLimits.MaxParameters})");
        foreach (var type in function.Parameters)
        {
            Refuse(TypeRules.ParameterFault(type), faults, where + ", parameter");
        }

        Refuse(TypeRules.PayloadFault(function.Payload, function.IsFallible), faults, where + ", payload");
        if (function.Errors is ErrorSet.Explicit listed)
        {
            Require(listed.Errors.All(ErrorNames.IsUser), faults, () =>
                $"{where}: its error set names an error of the runtime");
            Require(listed.Errors.Distinct().Count() == listed.Errors.Count, faults, () =>
                $"{where}: its error set names an error twice");
        }

        var shape = function.Kind switch
        {
            FunctionKind.Generic => function.Parameters is [{ IsMakeable: true }, ..],
            FunctionKind.Callback => function is
            {
                Errors: ErrorSet.Infallible, Payload: ZigType.Void, Parameters: [ZigType.CellPointer],
            },
            _ => true,
        };
        Require(shape, faults, () => function.Kind is FunctionKind.Generic
            ? $"{where}: a generic function needs a makeable parameter 0"
            : $"{where}: a callback is infallible and void and has one parameter, a cell pointer");
    }

    private static void CheckReferences(FiberProgram program, List<string> faults)
    {
        for (var i = 0; i < program.Fibers.Count; i++)
        {
            var function = program.Fibers[i].Function;
            Require(function >= 0 && function < program.Functions.Count, faults, () =>
                $"fiber {i}: no function {function}");
        }

        var sites = new HashSet<int>();
        foreach (var function in program.Functions)
        {
            Require(Depth(function.Body) <= ProgramLimits.MaxNesting, faults, () =>
                $"function {function.Id}: bodies nest deeper than {ProgramLimits.MaxNesting}");
            foreach (var statement in StatementTree.All(function.Body))
            {
                if (StatementTree.CalleeOf(statement) is { } callee)
                {
                    Require(callee >= 0 && callee < program.Functions.Count, faults, () =>
                        $"function {function.Id}, site {StatementTree.SiteOf(statement)}: no function {callee}");
                }

                foreach (var site in StatementTree.Sites(statement))
                {
                    Require(site >= 0, faults, () => $"function {function.Id}, site {site}: a site is negative");
                    Require(sites.Add(site), faults, () =>
                        $"function {function.Id}, site {site}: the site is used twice");
                }
            }
        }
    }

    /// <summary>How deep bodies nest; stops counting beyond the limit.</summary>
    private static int Depth(EquatableArray<Statement> body, int depth = 1) => depth > ProgramLimits.MaxNesting
        ? depth
        : body.SelectMany(StatementTree.Bodies).Select(inner => Depth(inner, depth + 1)).DefaultIfEmpty(depth).Max();

    private static void CheckFibers(FiberProgram program, List<string> faults)
    {
        Require(program.Fibers[0].StartsAtLaunch, faults, () => "fiber 0: it must start at launch");
        for (var i = 0; i < program.Fibers.Count; i++)
        {
            var fiber = program.Fibers[i];
            var function = program.Functions[fiber.Function];
            Require(fiber.Fuel is >= 0 and <= ProgramLimits.MaxFuel, faults, () =>
                $"fiber {i}: fuel {fiber.Fuel} (0 to {ProgramLimits.MaxFuel})");
            Require(fiber.Arguments.Count == function.Parameters.Count, faults, () =>
                $"fiber {i}: {fiber.Arguments.Count} arguments for {function.Parameters.Count} parameters");
            Require(function.Parameters.All(type => type.IsMakeable), faults, () =>
                $"fiber {i}: function {function.Id} has a parameter that cannot be made from a seed");
            Require(function.Payload is not ZigType.Handle, faults, () =>
                $"fiber {i}: function {function.Id} returns a handle");
        }
    }

    /// <summary>An inferred error set cannot be resolved on a call cycle, nor where the address is taken.</summary>
    private static void CheckInferred(FiberProgram program, List<string> faults)
    {
        var reaches = new ulong[program.Functions.Count];
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var function in program.Functions)
            {
                var next = StatementTree.All(function.Body).Select(StatementTree.CalleeOf).OfType<int>()
                    .Aggregate(reaches[function.Id], (set, callee) => set | (1UL << callee) | reaches[callee]);
                changed |= next != reaches[function.Id];
                reaches[function.Id] = next;
            }
        }

        foreach (var function in program.Functions)
        {
            var onCycle = (reaches[function.Id] & (1UL << function.Id)) != 0;
            Require(function.Errors is not ErrorSet.Inferred || !onCycle, faults, () =>
                $"function {function.Id}: an inferred error set on a call cycle");
        }
    }

    private static void Require(bool holds, List<string> faults, Func<string> message)
    {
        if (!holds)
        {
            faults.Add(message());
        }
    }

    private static void Refuse(string? fault, List<string> faults, string where)
    {
        if (fault is not null)
        {
            faults.Add($"{where}: {fault}");
        }
    }
}
