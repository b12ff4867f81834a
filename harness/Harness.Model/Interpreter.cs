namespace Harness.Model;

/// <summary>
/// The oracle: what a program must do under a fault plan and a schedule, from Zig's rules for defer, errdefer and
/// errors and docs/SCHEDULING.md. To run one program often, keep its <see cref="CompiledProgram"/>.
/// </summary>
public static class Interpreter
{
    public static ExpectedRun Run(FiberProgram program, FaultPlan fault, Schedule schedule, Kept kept = Kept.Everything) =>
        CompiledProgram.Of(program).Run(fault, schedule, kept);
}
