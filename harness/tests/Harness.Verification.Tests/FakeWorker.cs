using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Tests;

/// <summary>
/// A shell script that speaks the worker's protocol. For each row it runs a case of the test's: <c>3) kill -SEGV $$;;</c>.
/// Within a case <c>$row</c> and <c>$from</c> are set, and <c>page ROW PHASE</c> writes the status page.
/// </summary>
internal sealed class FakeWorker : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fake-worker-").FullName;

    private FakeWorker(string script)
    {
        Path = System.IO.Path.Combine(_directory, "worker.sh");
        File.WriteAllText(Path, script);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public string Path { get; }

    public string RunDirectory => System.IO.Path.Combine(_directory, "run");

    /// <summary>Scenarios of the given row counts, of one program each.</summary>
    public static WorkerPlan PlanOf(params int[][] programs)
    {
        var program = Samples.Nested();
        var scenarios = new List<PlanScenario>();
        var rows = new List<PlanRow>();
        for (var i = 0; i < programs.Length; i++)
        {
            foreach (var count in programs[i])
            {
                var row = PlanRow.Of(scenarios.Count, SplitPlan.Every, Placement.Descending, ReleasePolicy.Cache, RowFlags.None);
                rows.AddRange(Enumerable.Repeat(row, count));
                scenarios.Add(PlanScenario.Of(i, new FaultPlan.None(), Schedule.Fifo));
            }
        }

        return new WorkerPlan([.. programs.Select((_, i) => PlanProgram.Of(program, i))], scenarios, [.. rows]);
    }

    public static FakeWorker Of(int rows, string cases) => new($$"""
        #!/bin/sh
        from=0
        if [ "$3" = --from ]; then from=$4; fi
        status=$2
        byte() { printf "$(printf '\\%03o' "$1")"; }
        zeros() { i=0; while [ $i -lt "$1" ]; do printf '\000'; i=$((i+1)); done; }
        page() { { printf HSSTAT01; byte $1; zeros 3; byte $2; zeros 3; byte $((row-from)); zeros 7
                   byte 2; zeros 7; zeros 48; byte 1; zeros 3; byte ${3:-0}; zeros 3; byte 96; zeros 7; byte 80; zeros 7; zeros 8; } > "$status.new"
                 mv "$status.new" "$status"; }
        row=$from
        page $row 0
        echo "#hs ready programs=1 rows={{rows}} stub=1000-2000 entry=3000-4000 bridge=5000-6000"
        while [ $row -lt {{rows}} ]; do
          page $row 1
          case $row in
            {{cases}}
          esac
          echo "#hs delivered row=$row entry=1 error=100"
          row=$((row+1))
        done
        page $((row-1)) 3
        echo "#hs done rows={{rows}}"
        """);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
