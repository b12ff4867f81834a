namespace Harness.Model;

/// <summary>What each call came to, for coverage.</summary>
internal sealed partial class Machine
{
    private readonly CallProfile[] _profiles = new CallProfile[CallProfile.MaxCalls];

    /// <summary>The innermost call of the fiber has come to its checkpoint.</summary>
    private void BeginProfile(FiberState fiber, int function, int entry)
    {
        fiber.Entered(entry);
        if (entry < CallProfile.MaxCalls)
        {
            var caller = fiber.FrameAt(fiber.Depth - 1).Caller;
            _profiles[entry] = _program.Classes.Of(function, caller < 0 ? -1 : _code[caller].Site, fiber.IsCleaning);
        }
    }

    /// <summary>The innermost call of the fiber ends.</summary>
    private void EndProfile(FiberState fiber, int error)
    {
        var (entry, cleanups) = fiber.CallAt(fiber.Depth - 1);
        Close(entry, CallClasses.ExitOf(error), cleanups);
    }

    /// <summary>A panic or segfault ends all calls of the fiber.</summary>
    private void EndProfiles(FiberState fiber, CallExit exit)
    {
        for (var depth = 0; depth < fiber.Depth; depth++)
        {
            Close(fiber.CallAt(depth).Entry, exit, fiber.Ledger.Count);
        }
    }

    private void Close(int entry, CallExit exit, int cleanups)
    {
        if (entry is >= 0 and < CallProfile.MaxCalls)
        {
            _profiles[entry] = _profiles[entry] with { Exit = exit, Cleanups = (byte)Math.Min(cleanups, CallProfile.MaxCleanups) };
        }
    }
}
