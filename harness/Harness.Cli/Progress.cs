using System.Globalization;
using Harness.Campaigns;
using Harness.Reports;

namespace Harness.Cli;

/// <summary>
/// Shows how a run is getting on: a line that rewrites itself on a terminal, otherwise a plain line every few seconds.
/// Only ever writes to standard error.
/// </summary>
public sealed class Progress : IDisposable
{
    private static readonly TimeSpan _live = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _plain = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Terminal _terminal;
    private readonly RunSettings _settings;
    private readonly Tally _tally;
    private readonly Func<double> _elapsed;
    private readonly Timer _timer;
    private string _stage = "preparing the toolchain";
    private bool _done;

    /// <param name="tally">Starts with what a resumed run has done already.</param>
    /// <param name="elapsed">Seconds since the run started.</param>
    public Progress(Terminal terminal, RunSettings settings, Tally tally, Func<double> elapsed)
    {
        _terminal = terminal;
        _settings = settings;
        _tally = tally;
        _elapsed = elapsed;
        var interval = terminal.IsLive ? _live : _plain;
        _timer = new Timer(_ => Draw(), null, interval, interval);
    }

    /// <summary>Takes note of a record, and says so at once when it is news.</summary>
    public void Observe(JournalRecord record)
    {
        lock (_lock)
        {
            _tally.Apply(record);
            _stage = record switch
            {
                JournalRecord.Prepared => "checking",
                JournalRecord.RunEnded => "done",
                _ => _stage,
            };
            if (News(record) is { } news)
            {
                Clear();
                _terminal.Error.WriteLine(news);
            }
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            _done = true;
            Clear();
        }
    }

    /// <summary>The one line, for example <c>[######----] 31/60 s  412 programs (15/s)  1,204,311 executions  9/9 cells  no failure</c>.</summary>
    internal string Line()
    {
        var total = _tally.Total;
        var elapsed = Math.Max(_elapsed() - _tally.PreparedSeconds, 0);
        var (share, goal) = Share(elapsed, total.Programs);
        var failures = _tally.Findings.Count == 0 ? "no failure" : ConsoleReport.Count(_tally.Findings.DistinctBy(finding => finding.Family).Count(), "distinct failure");
        var finishing = _settings.BudgetSeconds is { } budget && elapsed > budget ? ", finishing" : "";
        var cells = _tally.Cells.Count(cell => cell.Batches > 0);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Bar(share)} {goal}  {total.Programs:N0} programs ({total.Programs / Math.Max(elapsed, 1):0.0}/s)  {total.Executions:N0} executions  {cells}/{_tally.Cells.Count} cells  {failures}{finishing}");
    }

    private (double Share, string Goal) Share(double elapsed, long programs)
    {
        if (_settings.BudgetSeconds is { } budget)
        {
            return (elapsed / budget, string.Create(CultureInfo.InvariantCulture, $"{Math.Min(elapsed, budget):0}/{budget:0} s"));
        }

        // Every program runs in every cell: what counts is how many of those are done.
        var done = _tally.Cells.Sum(cell => cell.Counters.Programs);
        var all = (long)(_settings.Programs ?? 0) * _tally.Cells.Count;
        return (all == 0 ? 1 : (double)done / all, string.Create(CultureInfo.InvariantCulture, $"{elapsed:0} s"));
    }

    private static string Bar(double share)
    {
        const int width = 20;
        var full = (int)(Math.Clamp(share, 0, 1) * width);
        return $"[{new string('#', full)}{new string('-', width - full)}]";
    }

    private static string? News(JournalRecord record) => record switch
    {
        JournalRecord.CaseStored stored => $"found: {stored.Signature} in {stored.Cell}; stored as {stored.CasePath}",
        JournalRecord.CompanyFound company => $"fails in the company of {ConsoleReport.Count(company.Programs, "program")} of its batch: {company.Signature}, {company.Reproduced} of {company.Attempts}",
        JournalRecord.FindingConfirmed confirmed => $"confirmed: {confirmed.Signature}, {confirmed.Reproduced} of {confirmed.Attempts} in fresh processes{(confirmed.Otherwise > 0 ? $", {confirmed.Otherwise} failed otherwise" : "")}",
        JournalRecord.FindingShrunk shrunk => $"shrunk: {shrunk.Signature}, {shrunk.Steps} steps{(shrunk.TimeCapHit ? ", time cap" : "")}",
        JournalRecord.RegressionReplayed { Holds: false } replayed => $"stored case {replayed.Name}: {(replayed.Conclusive ? "fails" : replayed.Detail)}",
        _ => null,
    };

    private void Draw()
    {
        lock (_lock)
        {
            if (_done)
            {
                return;
            }

            var line = _stage is "checking" ? Line() : string.Create(CultureInfo.InvariantCulture, $"{_stage} ({_elapsed():0} s)");
            if (!_terminal.IsLive)
            {
                _terminal.Error.WriteLine(line);
                return;
            }

            Clear();
            _terminal.Error.Write(line.Length < _terminal.Width ? line : line[..(_terminal.Width - 1)]);
        }
    }

    private void Clear()
    {
        if (_terminal.IsLive)
        {
            _terminal.Error.Write("\r\u001b[K");
        }
    }
}
