using System.Text;
using Harness.Campaigns;
using Harness.Campaigns.Findings;
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
        var corruption = new Corruption(seed);
        var readable = 0;
        for (var i = 0; i < count; i++)
        {
            var text = corruption.Of(whole);
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

/// <summary>Damage of the kinds that happen, and of those that somebody would try; the same for a seed.</summary>
internal sealed class Corruption(ulong seed)
{
    private static readonly byte[][] _words =
    [
        .. ((string[])["-1", "0", "9223372036854775807", "99999999999999999999", "1e308", "2147483647", "null", "\"\"", "[]", "{}", "true", "NaN", "\"\\u0000\"", "[[[[[[[["]).Select(Encoding.UTF8.GetBytes),
    ];

    private ulong _state = seed;

    public byte[] Of(byte[] whole)
    {
        var text = whole.ToList();
        for (var changes = 1 + Below(3); changes > 0; changes--)
        {
            Change(text);
        }

        return [.. text];
    }

    private void Change(List<byte> text)
    {
        var at = Below(text.Count + 1);
        var length = Math.Min(1 + Below(40), text.Count - at);
        switch (Below(7))
        {
            case 0 when at < text.Count:
                text[at] ^= (byte)(1 << Below(8));
                break;
            case 1:
                text.RemoveRange(at, length);
                break;
            case 2:
                text.RemoveRange(at, text.Count - at);
                break;
            case 3:
                text.InsertRange(at, text.GetRange(at, length));
                break;
            case 4:
                text.InsertRange(at, Enumerable.Range(0, 1 + Below(8)).Select(_ => (byte)Below(256)));
                break;
            default:
                Replace(text, at);
                break;
        }
    }

    /// <summary>Another word in place of a number or a string: what still parses, and means something else.</summary>
    private void Replace(List<byte> text, int from)
    {
        var start = text.FindIndex(Math.Min(from, text.Count), b => b == (byte)':');
        if (start < 0)
        {
            return;
        }

        var end = text.FindIndex(start, b => b is (byte)',' or (byte)'}' or (byte)'\n');
        if (end > start)
        {
            text.RemoveRange(start + 1, end - start - 1);
            text.InsertRange(start + 1, _words[Below(_words.Length)]);
        }
    }

    private int Below(int bound)
    {
        _state = unchecked((_state * 6364136223846793005) + 1442695040888963407);
        return bound <= 0 ? 0 : (int)((_state >> 33) % (ulong)bound);
    }
}
