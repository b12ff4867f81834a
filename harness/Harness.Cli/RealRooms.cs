using Harness.Campaigns;
using Harness.Emit;
using Harness.Model;

namespace Harness.Cli;

/// <summary>The rooms of this product.</summary>
internal sealed class RealRooms : IRoomOpener
{
    public IProgramSource Programs { get; } = new RandomPrograms();

    public string Emit(FiberProgram program) => ZigEmitter.Emit([program]).Source;

    public Task<Diagnosis.Diagnosis> DiagnoseZigAsync(string root, string? zig, CancellationToken ct) =>
        Task.FromResult(new Diagnosis.Diagnosis("zig", false, true, "not looked for yet"));

    public Task<Rooms> OpenAsync(RoomOptions options, CancellationToken ct) =>
        throw new EnvironmentUnusableException("the rooms below are not there yet");
}
