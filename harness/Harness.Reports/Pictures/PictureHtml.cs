using Harness.Verification.Pictures;

namespace Harness.Reports.Pictures;

/// <summary>
/// A <see cref="StackPicture"/> in report.html: boxes side by side where there is room and below one another on a phone; everything that a colour says
/// is also a word. A button copies the picture as text.
/// </summary>
internal static class PictureHtml
{
    /// <summary>To the function that split, from the stub that stands for it; turned by the style sheet where boxes are stacked.</summary>
    private const string Arrow =
        """<svg viewBox="0 0 36 12" width="36" height="12" aria-hidden="true"><path d="M36 6H3M9 1 3 6l6 5" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>""";

    public const string Style = """
        <style>
        figure.stack { margin: .8rem 0; } figure.stack figcaption { font-weight: 600; overflow-wrap: anywhere; } figure.stack p { margin: .3rem 0; }
        .segments { display: flex; flex-wrap: wrap; align-items: flex-start; gap: .6rem .4rem; list-style: none; padding: 0; margin: .6rem 0; }
        .linked { display: flex; align-items: center; gap: .4rem; max-width: 100%; }
        .segment { border: 1.5px solid var(--quiet); border-radius: .35rem; background: var(--bg); min-width: 12.5rem; max-width: 100%; overflow: hidden; }
        .segment b, .segment i { display: block; font-style: normal; font-size: .8rem; padding: .2rem .5rem; background: var(--soft); color: var(--fg); }
        .segment i { color: var(--quiet); }
        .frames { list-style: none; margin: 0; padding: 0; font: .8rem/1.45 ui-monospace, monospace; }
        .frames li { display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: .8rem; padding: .18rem .5rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
        .frames .place, .frames .bytes, .frames .stub, .frames .runtime { color: var(--quiet); } .frames li.stub { background: repeating-linear-gradient(135deg, var(--soft) 0 6px, transparent 6px 12px); }
        .frames li.struck { background: var(--mark); font-weight: 600; } .frames em { font-style: normal; flex-basis: 100%; font-family: system-ui, sans-serif; }
        .edge { align-self: center; color: var(--quiet); font-size: .75rem; text-align: center; max-width: 6rem; } .edge svg { display: block; margin: 0 auto; }
        .note { align-self: center; color: var(--quiet); font-size: .85rem; }
        table.traces td, table.traces th { font-size: .8rem; white-space: nowrap; } table.traces td { font-family: ui-monospace, monospace; }
        table.traces td.wrong { background: var(--mark); font-weight: 600; } table.traces td.extra { background: var(--differs); } table.traces tfoot td { font-family: system-ui, sans-serif; }
        .steps { font-size: .85rem; padding-left: 2rem; margin: .3rem 0; } .steps code { font-size: .8rem; } .steps kbd { font: 600 .75rem ui-monospace, monospace; border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; background: var(--soft); }
        .steps li.wrong { background: var(--mark); }
        @media (max-width: 40rem) { .segments, .linked { flex-direction: column; align-items: stretch; } table.traces td, table.traces th { white-space: normal; overflow-wrap: anywhere; min-width: 6.8rem; padding: .25rem .3rem; font-size: .74rem; } .edge { align-self: flex-start; display: flex; gap: .5rem; align-items: center; max-width: none; padding-left: 1rem; text-align: left; }
          .edge svg { transform: rotate(90deg); margin: .6rem -.6rem; } }
        </style>

        """;

    public static void Write(HtmlWriter page, StackPicture picture)
    {
        page.Open("figure", "stack").Element("figcaption", $"The stack {picture.Moment}");
        if (picture.Fault is { } fault)
        {
            page.Open("p").Element("strong", "Fault: ").Text($"{fault.What} {fault.Where}").Close("p");
        }

        Segments(page, picture);
        if (picture.Traces is { } traces)
        {
            Traces(page, FoldedPicture.Merged(traces));
        }

        if (picture.Cleanup is { } cleanup)
        {
            Cleanup(page, cleanup);
        }

        page.CopyButton("copy as text", PictureText.Render(picture, TextStyle.Plain)).Close("figure");
    }

    private static void Segments(HtmlWriter page, StackPicture picture)
    {
        if (picture.Segments.Count == 0)
        {
            return;
        }

        page.Open("ol", "segments");
        string? splitter = null;
        foreach (var drawn in FoldedPicture.Segments(picture))
        {
            if (drawn.Segment is not { } segment)
            {
                page.Element("li", drawn.Note, "note");
                splitter = null;
                continue;
            }

            page.Open("li", "linked");
            if (splitter is not null)
            {
                page.Open("div", "edge").Literal(Arrow).Element("span", $"{splitter} split").Close("div");
            }

            var (head, foot) = FoldedPicture.Titles(segment);
            page.Open("div", "segment").Element("b", head).Open("ol", "frames");
            foreach (var frame in drawn.Frames)
            {
                Frame(page, frame, segment.Number);
            }

            page.Close("ol").Element("i", foot).Close("div").Close("li");
            splitter = drawn.Splits && drawn.Frames is [.., { Frame: { } last }] ? last.Function : null;
        }

        page.Close("ol");
    }

    private static void Frame(HtmlWriter page, DrawnFrame drawn, int segment)
    {
        if (drawn.Frame is not { } frame)
        {
            page.Element("li", $"({drawn.Note})", "runtime");
            return;
        }

        var meaning = FoldedPicture.MarkOf(frame).Meaning;
        page.Open("li", frame.Mark is "fault" or "crash" ? "struck" : frame.Role is FrameRole.Stub ? "stub" : frame.Role is FrameRole.Runtime ? "runtime" : "");
        page.Open("span").Text(frame.Function).Text(" ").Element("span", frame.Place, "place").Close("span");
        if (frame.Bytes is { } bytes)
        {
            page.Element("span", $"{ConsoleReport.Number(bytes)} B", "bytes");
        }

        if (meaning.Length > 0)
        {
            page.Element("em", frame.Role is FrameRole.Stub ? $"stub of a split, leads to segment {segment + 1}" : meaning, "place");
        }

        page.Close("li");
    }

    private static void Traces(HtmlWriter page, PicturedTraces traces)
    {
        page.Open("div", "scroll").Open("table", "traces").Open("thead").Open("tr");
        foreach (var title in (string[])[.. traces.HasTruth ? ["must be"] : Array.Empty<string>(), .. traces.Observers.Select(o => o.Name)])
        {
            page.Element("th", title);
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var (row, note) in FoldedPicture.Rows(traces))
        {
            page.Open("tr");
            if (row is null)
            {
                page.Element("td", $"({note})", "place").Close("tr");
                continue;
            }

            if (traces.HasTruth)
            {
                page.Element("td", row.Truth ?? "");
            }

            foreach (var (cell, i) in row.Seen.Select((cell, i) => (cell, i)))
            {
                page.Element(
                    "td", cell.FirstWrong ? $"first wrong frame: {cell.Text ?? "nothing"}" : cell.Text ?? "",
                    cell.FirstWrong ? "wrong" : FoldedPicture.IsTooMuch(traces, row, i) ? "extra" : "");
            }

            page.Close("tr");
        }

        page.Close("tbody").Open("tfoot").Open("tr");
        if (traces.HasTruth)
        {
            page.Element("td", "");
        }

        foreach (var observer in traces.Observers)
        {
            page.Element("td", observer.Verdict);
        }

        page.Close("tr").Close("tfoot").Close("table").Close("div");
    }

    private static void Cleanup(HtmlWriter page, PicturedCleanup cleanup)
    {
        page.Open("p").Element("strong", $"Clean-up of fiber {cleanup.Fiber}: ").Text(cleanup.Start)
            .Text(cleanup.Observed ? "" : " (the model's steps: nothing was recorded)").Close("p").Open("ol", "steps");
        foreach (var step in cleanup.Steps)
        {
            page.Open("li", step.Instead is null ? "" : "wrong").Element("kbd", step.How).Text($" {step.What} ").Element("code", step.Where);
            if (step.Instead is { } instead)
            {
                page.Open("p").Element("strong", "first wrong step; the model has: ").Text(instead).Close("p");
            }

            page.Close("li");
        }

        page.Close("ol");
        if (cleanup.LeftOut > 0)
        {
            page.Element("p", $"{cleanup.LeftOut} steps are left out.", "quiet");
        }
    }
}
