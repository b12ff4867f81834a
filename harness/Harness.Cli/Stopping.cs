using System.Runtime.InteropServices;

namespace Harness.Cli;

/// <summary>
/// The first Ctrl-C (or SIGTERM, SIGHUP) asks the verb to stop and report what it has; a second one ends the process as usual.
/// </summary>
public sealed class Stopping : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public Stopping(Terminal terminal)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                if (_source.IsCancellationRequested)
                {
                    return;
                }

                context.Cancel = true;
                terminal.Complain("stopping; what was found so far is reported (once more to stop at once)");
                _source.Cancel();
            }));
        }
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _source.Dispose();
    }
}
