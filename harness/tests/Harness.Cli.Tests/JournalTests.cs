using System.Text;
using Harness.Campaigns;
using Harness.Reports;
using Harness.Verification.Explaining;

namespace Harness.Cli.Tests;

public sealed class JournalTests : IDisposable
{
    private static readonly RunSettings _settings = new(1, null, 20, null, [Sample.Cell.ToString()], ["descending"], 2, "scripts/harness run");

    internal static readonly Explanation Explanation = new(
        [new ExplainedPart("the placement", "pool", ["ascending"], [], 0), new ExplainedPart("the split", "none", ["at every prologue"], ["at call depth 1"], 1)], 3, 4, true, 1.5);

    internal static IReadOnlyList<JournalRecord> Records => _records;

    private static readonly JournalRecord[] _records =
    [
        new JournalRecord.RunStarted(JournalRecord.FormatVersion, "id", DateTimeOffset.UnixEpoch, _settings, Sample.Versions),
        new JournalRecord.RunResumed(DateTimeOffset.UnixEpoch),
        new JournalRecord.Prepared(1.5),
        new JournalRecord.RegressionReplayed("n", "s", "c", "k", true, true, "p", "t", "d"),
        new JournalRecord.BatchChecked(
            0, Sample.Cell.ToString(), 0, 4, [2], Sample.Counters, new Dictionary<string, long> { ["fault/none"] = 4 }, new Dictionary<string, long> { ["killed for memory"] = 2 },
            new PhaseSeconds(1, 2, 3, 4), 5),
        new JournalRecord.FailureSeen("s", "f", "c", 3, "digest"),
        new JournalRecord.CaseStored("s", "c", "digest", "path", "token", "a\n", "b\n", 5),
        new JournalRecord.CoreWritten("s", "path/core", 7, ""),
        new JournalRecord.FindingConfirmed("s", 10, 10, false),
        new JournalRecord.CompanyFound("s", 2, 9, 10, "token", 1),
        new JournalRecord.ShrinkStep("s", 1, "token", 4),
        new JournalRecord.FindingShrunk("s", 1, 2.5, true, "token", "a", "b", 3),
        new JournalRecord.FindingExplained("s", Explanation),
        new JournalRecord.FindingRecognised("s", "run", DateTimeOffset.UnixEpoch, 2, true),
        new JournalRecord.FindingClosed("s"),
        new JournalRecord.CanaryFlown("limit_restore", "c", "limit", "", 1.5),
        new JournalRecord.RunEnded(RunStop.Completed, ""),
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    private string Path => System.IO.Path.Combine(_folder.FullName, "journal.jsonl");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Every_kind_of_record_reads_back_as_it_was_written()
    {
        Write(_records);
        var journal = JournalReader.Read(Path);
        Assert.False(journal.TornLastLine);
        // Records with dictionaries compare by reference; their text compares fully.
        Assert.Equal(_records.Select(Text), journal.Records.Select(record => Text(record with { At = 0 })));
    }

    [Fact]
    public void Every_kind_of_record_is_in_the_sample() =>
        Assert.Equal(typeof(JournalRecord).GetNestedTypes().Length, _records.Select(record => record.GetType()).Distinct().Count());

    [Fact]
    public void Findings_are_told_in_the_order_of_their_cases_whichever_batch_was_done_first()
    {
        JournalRecord.FailureSeen Seen(string signature) => new(signature, "f", "c", 3, "digest");
        JournalRecord.CaseStored Stored(string signature) => new(signature, "c", "digest", "path", "token", "a\n", "b\n", 5);
        var tally = Tally.Of([_records[0], Seen("late"), Seen("second"), Seen("first"), Stored("first"), Stored("second"), Stored("first")]);
        Assert.Equal(["first", "second", "late"], tally.Findings.Select(finding => finding.Signature));
        Assert.Equal("first", Assert.Single(FindingFamily.Of(RunSummary.Of(tally).Findings)).Head.Signature);
    }

    [Fact]
    public void A_journal_cut_off_anywhere_gives_its_whole_lines()
    {
        Write(_records);
        var bytes = File.ReadAllBytes(Path);
        for (var length = 0; length < bytes.Length; length++)
        {
            var journal = JournalReader.Parse(bytes.AsSpan(0, length));
            var whole = bytes.AsSpan(0, length).Count((byte)'\n');
            Assert.Equal(whole, journal.Records.Count);
            Assert.Equal(length > 0 && bytes[length - 1] != '\n', journal.TornLastLine);
        }
    }

    [Fact]
    public void A_damaged_line_in_the_middle_is_refused_with_its_number()
    {
        Write(_records);
        var lines = File.ReadAllLines(Path);
        lines[3] = lines[3][..10];
        var e = Assert.Throws<InvalidDataException>(() => JournalReader.Parse(Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n")));
        Assert.Contains("line 4", e.Message);
    }

    [Theory]
    [InlineData("{\"kind\":\"no-such-thing\"}\n")]
    [InlineData("null\n")]
    [InlineData("\n")]
    [InlineData("{\"kind\":\"run-ended\",\"reason\":\"completed\",\"detail\":\"\"}\n")]
    [InlineData("{\"kind\":\"prepared\"}\n")]
    [InlineData("\u0001\u0002\n")]
    public void What_is_no_journal_is_refused(string text) =>
        Assert.Throws<InvalidDataException>(() => JournalReader.Parse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_reader_may_look_while_the_run_goes_on()
    {
        using var writer = JournalWriter.Open(Path, TimeProvider.System);
        writer.Append(_records[0]);
        Assert.Single(JournalReader.Read(Path).Records);
    }

    [Fact]
    public void Going_on_cuts_off_a_torn_line()
    {
        Write(_records[..3]);
        File.AppendAllText(Path, "{\"kind\":\"prep");
        var before = JournalReader.Read(Path);
        Assert.True(before.TornLastLine);
        using (var writer = JournalWriter.Open(Path, TimeProvider.System, before.WholeBytes, offset: 100))
        {
            writer.Append(_records[2]);
        }

        var after = JournalReader.Read(Path);
        Assert.Equal(4, after.Records.Count);
        Assert.InRange(after.Records[3].At, 100, 200);
    }

    [Fact]
    public void A_place_that_cannot_be_written_says_so()
    {
        var e = Assert.Throws<ResultsUnwritableException>(() => JournalWriter.Open(_folder.FullName, TimeProvider.System));
        Assert.Contains(_folder.FullName, e.Message);
    }

    [LinuxFact]
    public void A_full_disk_stops_the_journal_for_good()
    {
        using var writer = JournalWriter.Open("/dev/full", TimeProvider.System);
        Assert.Throws<ResultsUnwritableException>(() => writer.Append(_records[0]));
        Assert.Throws<ResultsUnwritableException>(() => writer.Append(_records[0]));
    }

    private static string Text(JournalRecord record)
    {
        var path = System.IO.Path.GetTempFileName();
        using (var writer = JournalWriter.Open(path, TimeProvider.System))
        {
            writer.Append(record);
        }

        var text = File.ReadAllText(path);
        File.Delete(path);
        return System.Text.RegularExpressions.Regex.Replace(text, "\"at\":[0-9.E-]+", "");
    }

    private void Write(IEnumerable<JournalRecord> records)
    {
        using var writer = JournalWriter.Open(Path, TimeProvider.System);
        foreach (var record in records)
        {
            writer.Append(record);
        }
    }
}

/// <summary>A fact about Linux; skipped, visibly, elsewhere.</summary>
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "needs Linux";
}
