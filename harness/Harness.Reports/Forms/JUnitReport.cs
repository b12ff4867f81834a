using System.Globalization;
using System.Text;
using System.Xml;

namespace Harness.Reports.Forms;

/// <summary>
/// junit.xml, for what shows test results (the format that Ant's JUnit task began, as Jenkins and GitLab read it): a suite of cells, one of stored
/// cases, one of what a run must have met.
/// </summary>
public static class JUnitReport
{
    public static string Render(RunSummary summary)
    {
        var suites = new[] { Cells(summary), Stored(summary), Evidence(summary) }.Where(suite => suite.Cases.Count > 0).ToList();
        var settings = new XmlWriterSettings { Indent = true, NewLineChars = "\n", OmitXmlDeclaration = true, CheckCharacters = false };
        var text = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        using (var xml = XmlWriter.Create(text, settings))
        {
            xml.WriteStartElement("testsuites");
            Counts(xml, $"harness {summary.RunId}", [.. suites.SelectMany(suite => suite.Cases)], summary.Timings.WallSeconds);
            foreach (var suite in suites)
            {
                Write(xml, suite, summary.StartedAt);
            }

            xml.WriteEndElement();
        }

        return text.Append('\n').ToString();
    }

    /// <summary>A cell fails with its findings; one that ran nothing is skipped.</summary>
    private static Suite Cells(RunSummary summary) => new("cells", [.. summary.Cells.Select(cell =>
    {
        var findings = summary.Findings.Where(finding => finding.Cell == cell.Cell && !finding.Flake).ToList();
        return new Case(
            cell.Cell, cell.CompileSeconds + cell.ExecuteSeconds,
            findings.Count == 0 ? null : ConsoleReport.Count(findings.Count, "distinct failure"),
            string.Join('\n', findings.Select(Told)), Skipped: cell.Executions == 0 && findings.Count == 0);
    })]);

    private static string Told(FindingSummary finding) =>
        $"{finding.Signature} ({finding.Again})\n  {finding.Replay}\nexpected\n{finding.Expected}\nobserved\n{finding.Observed}\n";

    private static Suite Stored(RunSummary summary) => new("stored cases", [.. summary.Regressions.Select(stored => new Case(
        $"{stored.Name} in {stored.Cell}", 0, stored is { Holds: false, Conclusive: true } ? "the stored case fails" : null, stored.Detail, Skipped: !stored.Conclusive))]);

    private static Suite Evidence(RunSummary summary) => new("evidence", [.. Combinations(summary), .. summary.Coverage.Where(line => line.Required > 0).Select(line => new Case(
        line.Label, 0, line.Met ? null : $"met {line.Count} times of {line.Required}", "", Skipped: false))]);

    private static IEnumerable<Case> Combinations(RunSummary summary) =>
        (summary.Interactions?.Ways ?? []).Where(way => way.Required > 0).Select(way => new Case(
            way.Label, 0, way.Met ? null : $"met {way.Covered} of {way.Feasible}, {way.Required} required", string.Join('\n', way.Missing), Skipped: false));

    private static void Write(XmlWriter xml, Suite suite, DateTimeOffset started)
    {
        xml.WriteStartElement("testsuite");
        Counts(xml, suite.Name, suite.Cases, suite.Cases.Sum(test => test.Seconds));
        xml.WriteAttributeString("timestamp", started.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
        foreach (var test in suite.Cases)
        {
            xml.WriteStartElement("testcase");
            xml.WriteAttributeString("classname", $"harness.{suite.Name.Replace(' ', '-')}");
            xml.WriteAttributeString("name", Legal(test.Name));
            xml.WriteAttributeString("time", Seconds(test.Seconds));
            if (test.Failure is { } failure)
            {
                xml.WriteStartElement("failure");
                xml.WriteAttributeString("message", Legal(failure));
                xml.WriteString(Legal(test.Detail));
                xml.WriteEndElement();
            }
            else if (test.Skipped)
            {
                xml.WriteStartElement("skipped");
                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void Counts(XmlWriter xml, string name, IReadOnlyCollection<Case> cases, double seconds)
    {
        xml.WriteAttributeString("name", Legal(name));
        xml.WriteAttributeString("tests", Number(cases.Count));
        xml.WriteAttributeString("failures", Number(cases.Count(test => test.Failure is not null)));
        xml.WriteAttributeString("errors", "0");
        xml.WriteAttributeString("skipped", Number(cases.Count(test => test is { Failure: null, Skipped: true })));
        xml.WriteAttributeString("time", Seconds(seconds));
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(double seconds) => seconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>XML 1.0 has no way to write most control characters (section 2.2).</summary>
    private static string Legal(string text)
    {
        var legal = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (XmlConvert.IsXmlChar(text[i]))
            {
                legal.Append(text[i]);
            }
            else if (i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i]))
            {
                legal.Append(text[i]).Append(text[++i]);
            }
            else
            {
                legal.Append('\uFFFD');
            }
        }

        return legal.ToString();
    }

    private sealed record Suite(string Name, IReadOnlyList<Case> Cases);

    private sealed record Case(string Name, double Seconds, string? Failure, string Detail, bool Skipped);
}
