using Harness.Campaigns;
using Harness.Execution;
using Harness.Model;
using Harness.Reports;

namespace Harness.Cli;

/// <summary>A kept worker with the plan of one case, for gdb.</summary>
internal sealed record GdbSession(string Folder, FaultPlan Fault)
{
    private const string Debugger = "gdb";

    /// <summary>An empty folder for the case, in the checkout's cache.</summary>
    /// <exception cref="EnvironmentUnusableException">gdb is not installed.</exception>
    public static GdbSession Create(string root, CaseDocument document)
    {
        if (ExecutablePath.Resolve(Debugger) is null)
        {
            throw new EnvironmentUnusableException("gdb was not found; install it, or replay without --gdb");
        }

        var folder = Path.Combine(root, ".cache", "gdb", CaseStore.FolderName(document.Signature));
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            return new GdbSession(Directory.CreateDirectory(folder).FullName, document.Case.Plan.Fault);
        }
        catch (Exception e) when (ResultsUnwritableException.IsAboutStorage(e))
        {
            throw new ResultsUnwritableException(folder, e);
        }
    }

    /// <summary>
    /// What to type. The worker first runs the program without fault and without splits, then the case; a segfault stops
    /// gdb by itself, a panic at the function that receives it, an error at the checkpoint of the entry that it strikes.
    /// </summary>
    public string Command()
    {
        var worker = Directory.EnumerateFiles(Folder, "worker", SearchOption.AllDirectories).FirstOrDefault();
        var plan = Directory.EnumerateFiles(Folder, "plan.bin", SearchOption.AllDirectories).FirstOrDefault();
        if (worker is null || plan is null)
        {
            return "gdb        the case did not get as far as a worker";
        }

        var place = Fault switch
        {
            FaultPlan.PanicAt => " -ex 'break hs_rt_panic'",
            FaultPlan.SegfaultAt or FaultPlan.None => "",
            _ => " -ex 'break hs_checkpoint'",
        };
        var words = (string[])[worker, plan, Path.Combine(Path.GetDirectoryName(plan)!, "status.bin")];
        return $"gdb        gdb{place} -ex run --args {string.Join(' ', words.Select(Shell.Quote))}";
    }
}
