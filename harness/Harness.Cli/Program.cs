using Harness.Cli;

var terminal = Terminal.OfProcess();
using var stopping = new Stopping(terminal);
return await new Application(terminal, new RealRooms()).RunAsync(args, stopping.Token).ConfigureAwait(false);
