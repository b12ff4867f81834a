using System.Text;
using Harness.Binary;
using Harness.Model;

namespace Harness.Toolchain;

/// <summary>What somebody else's compilation left, and where the checks of its functions shall find the limit.</summary>
/// <param name="Path">An object, textual LLVM IR or assembly: <see cref="FileInjector.RouteOf"/> tells.</param>
/// <param name="Mode">Of code generation from IR: Debug generates without optimising; the others alike.</param>
public sealed record InjectionRequest(string Path, Route Route, OptimizeMode Mode, LimitSlot LimitSlot);

/// <summary>What became of a file: <see cref="Injected"/> or <see cref="Refused"/>.</summary>
public abstract record InjectionOutcome
{
    private InjectionOutcome()
    {
    }

    internal abstract Sealed Seal { get; }

    /// <param name="Object">The object with checks.</param>
    public sealed record Injected(byte[] Object, InjectionReport Report) : InjectionOutcome { internal override Sealed Seal => default; }

    /// <param name="Reason">Why the file cannot be used; its first line says it in short.</param>
    public sealed record Refused(string Reason) : InjectionOutcome { internal override Sealed Seal => default; }
}

/// <summary>
/// Puts checks into a file that somebody else's compilation left, by the same steps that units of a campaign go through. What the file
/// is decides on the route.
/// </summary>
public sealed class FileInjector(FixtureLayout fixtures, ToolCache cache, BuildOptions? options = null, TimeProvider? time = null)
{
    /// <summary>Far above what any unit of ours comes to; all of it is read into memory.</summary>
    public const long MaxFileBytes = 1L << 30;

    private readonly BuildOptions _options = options ?? BuildOptions.Default;

    /// <summary>The route that a file's first bytes lead to.</summary>
    /// <exception cref="InvalidDataException">To none: the message says what to give instead.</exception>
    public static Route RouteOf(string name, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("\x7f"u8) && start[1..].StartsWith("ELF"u8))
        {
            return Route.Thunk;
        }

        if (start.StartsWith("BC"u8) || start.StartsWith((ReadOnlySpan<byte>)[0xde, 0xc0, 0x17, 0x0b]))
        {
            throw new InvalidDataException($"{name} is LLVM bitcode; give the textual form (zig build-obj -femit-llvm-ir=FILE.ll)");
        }

        var text = Encoding.UTF8.GetString(start);
        return text.StartsWith("; ModuleID", StringComparison.Ordinal) || text.StartsWith("source_filename", StringComparison.Ordinal) ? Route.Attribute
            : name.EndsWith(".s", StringComparison.Ordinal) && !text.Contains('\0') ? Route.Assembly
            : throw new InvalidDataException(
                $"{name} is neither an object, nor textual LLVM IR (-femit-llvm-ir), nor assembly (-femit-asm=FILE.s)");
    }

    /// <param name="directory">Becomes the injection's own.</param>
    /// <exception cref="ToolchainException">The set-up is broken; never because of the file.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<InjectionOutcome> InjectAsync(InjectionRequest request, string directory, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(request);
        var cell = new Cell(request.Route, request.Mode, Backend.Llvm, Cell.LinuxGnu);
        var own = _options with { Injection = _options.Injection with { LimitSlot = request.LimitSlot }, KeepVariables = true };
        var build = new UnitBuild(
            await cache.CompilerAsync(ct).ConfigureAwait(false), fixtures, cell, directory, own, time ?? TimeProvider.System, ct);
        var name = request.Route switch
        {
            Route.Attribute => UnitBuild.IrName,
            Route.Thunk => UnitBuild.RawObjectName,
            Route.Assembly => UnitBuild.AssemblyName,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        File.Copy(request.Path, build.PathOf(name));
        var report = await build.InjectAsync().ConfigureAwait(false);
        if (report is null)
        {
            return new InjectionOutcome.Refused(Reason(build.Failure!).Replace(build.PathOf(name), request.Path, StringComparison.Ordinal));
        }

        return report.Defect(own.Injection.MaxUnsplitFrameBytes) is { } defect
            ? new InjectionOutcome.Refused(defect)
            : new InjectionOutcome.Injected(await File.ReadAllBytesAsync(build.PathOf(UnitBuild.ObjectName), ct).ConfigureAwait(false), report);
    }

    private static string Reason(BuildOutcome failure) => failure switch
    {
        BuildOutcome.Rejected rejected => rejected.Diagnostics,
        BuildOutcome.CompilerCrashed crashed => $"the compiler crashed: {crashed.Detail}",
        BuildOutcome.TimedOut timedOut => $"`{timedOut.Command}` does not end in time",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
