namespace Harness.Model;

/// <summary>Where fibers stood when their logs had come to a given point: for what is left of a process that died.</summary>
internal sealed partial class Machine
{
    /// <summary>Looks at fibers as their digests become those that are asked for.</summary>
    private sealed class MomentWatch(Machine machine, IReadOnlyList<ulong> digests)
    {
        public FiberMoment?[] Moments { get; } = new FiberMoment?[machine._fibers.Length];

        /// <summary>The running fiber has just logged an event.</summary>
        public void Recorded(FiberState fiber)
        {
            if (IsAskedFor(fiber))
            {
                var at = fiber.Pc - 1;
                var chain = machine.Chain(fiber, at);
                var knowsLine = machine._code[at].Op is not (Op.Leave or Op.Return);
                if (!knowsLine && chain[0] is Frame.Transpiled left)
                {
                    // It has no line of its own.
                    chain[0] = left with { Site = -1 };
                }

                Moments[fiber.Index] = new FiberMoment(IsWaiting: false, knowsLine, new(chain));
            }
        }

        /// <summary>The fiber has given way. One that waits stands at the instruction that waits.</summary>
        public void Left(FiberState fiber)
        {
            if (IsAskedFor(fiber) && fiber.Status is not FiberStatus.Ended)
            {
                var waits = fiber.Status is FiberStatus.WaitingForFiber or FiberStatus.WaitingForMutex;
                Moments[fiber.Index] = new FiberMoment(IsWaiting: true, KnowsLine: true, new(machine.Chain(fiber, waits ? fiber.Pc : fiber.Pc - 1)));
            }
        }

        private bool IsAskedFor(FiberState fiber) => fiber.Index < digests.Count && fiber.Digest == digests[fiber.Index];
    }
}
