using System.Text;
using Harness.Campaigns;
using Harness.Campaigns.Findings;
using Harness.Cli.Damaging;
using Harness.Reports;
using Harness.Reports.Mutants;

namespace Harness.Cli.Tests;

/// <summary>Whatever a disk, an editor or an enemy makes of what we stored: a line that says what is wrong, and never a crash or a hang.</summary>
public sealed class CorruptionTests : IDisposable
{
    private const int Each = 2000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Journals_are_read_and_drawn_or_refused_in_one_line()
    {
        var bytes = Bytes(JournalTests.Records);
        var drawn = Corrupt(bytes, 1, 2 * Each, text =>
        {
            var summary = RunSummary.Of(Tally.Of(JournalReader.Parse(text).Records));
            Assert.NotEmpty(ConsoleReport.Render(summary, "run"));
            Assert.NotEmpty(summary.ToJson());
            // The dearest by far, of what the others show as well.
            Assert.NotEmpty(text[^1] % 8 == 0 ? HtmlReport.Render(summary) : "left out");
        });
        // Both ends are met: some damage is harmless, most is not.
        Assert.InRange(drawn, Each / 10, 2 * Each - (Each / 10));
    }

    [Fact]
    public void Damaged_journals_do_not_hurt_the_index_of_findings()
    {
        var layout = new ResultsLayout(_folder.FullName);
        var run = layout.Run("damaged");
        Directory.CreateDirectory(run.Path);
        Corrupt(Bytes(JournalTests.Records), 5, Each / 2, text =>
        {
            File.WriteAllBytes(run.Journal, text);
            var index = FindingIndex.Read(layout);
            Assert.All(index.Unread, unread => Assert.DoesNotContain('\n', unread.Reason));
        });
    }

    [Fact]
    public void Cases_are_read_or_refused_in_one_line()
    {
        CaseStore.Write(_folder.FullName, Sample.Stored() with { Picture = PictureTests.Whole, Explanation = JournalTests.Explanation });
        foreach (var (file, seed) in ((string, ulong)[])[(CaseStore.CaseFile, 2), (CaseStore.PictureFile, 6), (CaseStore.ExplanationFile, 7)])
        {
            var path = Path.Combine(_folder.FullName, file);
            var whole = File.ReadAllBytes(path);
            Corrupt(whole, seed, file == CaseStore.CaseFile ? Each : Each / 4, text =>
            {
                File.WriteAllBytes(path, text);
                var stored = CaseStore.Read(_folder.FullName);
                Assert.NotEmpty(ReplayToken.Write(stored.Document));
                Assert.NotNull(stored.Explanation?.Sentences().ToList() ?? []);
            });
            File.WriteAllBytes(path, whole);
        }
    }

    [Fact]
    public void Tokens_are_read_or_refused_in_one_line() =>
        Corrupt(Encoding.UTF8.GetBytes(Sample.Stored().Token), 3, Each, text => ReplayToken.Read(Encoding.UTF8.GetString(text)));

    [Fact]
    public void Mutation_reports_are_read_and_drawn_or_refused_in_one_line() =>
        Corrupt(Encoding.UTF8.GetBytes(MutationTableTests.Whole.ToJson()), 4, Each / 2, text => Assert.NotEmpty(MutationText.Render(MutationReport.Read(Encoding.UTF8.GetString(text)))));

    /// <summary>How many of the corrupted texts could be read; anything but one line of complaint about the others fails.</summary>
    private static int Corrupt(byte[] whole, ulong seed, int count, Action<byte[]> read)
    {
        read(whole);
        var damage = new Damage(seed);
        var readable = 0;
        for (var i = 0; i < count; i++)
        {
            var text = damage.Of(whole);
            try
            {
                read(text);
                readable++;
            }
            catch (InvalidDataException e)
            {
                Assert.DoesNotContain('\n', e.Message);
                Assert.NotEmpty(e.Message);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"number {i} of seed {seed}: {e}\n{Encoding.UTF8.GetString(text)}");
            }
        }

        return readable;
    }

    private static byte[] Bytes(IEnumerable<JournalRecord> records)
    {
        var path = Path.GetTempFileName();
        JournalWriter.Replace(path, records);
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }
}
