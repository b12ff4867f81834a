namespace Harness.Reports;

/// <summary>The constant parts of report.html.</summary>
internal static class HtmlAssets
{
    public const string Style = """
        <style>
        :root { color-scheme: light dark; --fg: #1b1f24; --bg: #ffffff; --soft: #f3f4f6; --line: #d5d9df; --quiet: #59636e;
          --good: #1a7f37; --bad: #c6232e; --thin: #9a6700; --mark: #ffe3e3; --differs: #fff3f3; }
        @media (prefers-color-scheme: dark) { :root { --fg: #e6e8eb; --bg: #14171b; --soft: #1e2329; --line: #363d46; --quiet: #9aa4af;
          --good: #4cc366; --bad: #ff7b80; --thin: #e2b340; --mark: #5c2328; --differs: #33201f; } }
        * { box-sizing: border-box; }
        body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg); }
        p, li { overflow-wrap: anywhere; }
        main { max-width: 76rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
        header { border-left: .35rem solid var(--thin); padding-left: 1rem; }
        header.held { border-color: var(--good); } header.falsified { border-color: var(--bad); }
        .quiet { color: var(--quiet); font-size: .9rem; } .warn { color: var(--thin); }
        .tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .5rem; margin-top: 1rem; }
        .tile { background: var(--soft); border-radius: .4rem; padding: .6rem .8rem; }
        .tile b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; } .tile span { color: var(--quiet); font-size: .85rem; }
        @media (max-width: 40rem) { .tiles { grid-template-columns: 1fr 1fr; } }
        .scroll { overflow-x: auto; }
        .bar .name, .pace .name { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-size: .88rem; font-variant-numeric: tabular-nums; }
        .bar svg, .pace svg { display: block; width: 100%; border-radius: .3rem; background: var(--soft); }
        table { border-collapse: collapse; font-size: .88rem; width: 100%; }
        th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
        th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        article { border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; margin: .8rem 0; }
        summary { cursor: pointer; overflow-wrap: anywhere; }
        .command { display: flex; gap: .5rem; align-items: flex-start; margin: .4rem 0; }
        .command code { flex: 1; background: var(--soft); border-radius: .3rem; padding: .3rem .5rem; overflow-wrap: anywhere; max-height: 7rem; overflow-y: auto; }
        button { font: inherit; font-size: .85rem; padding: .25rem .7rem; border: 1px solid var(--line); border-radius: .3rem; background: var(--bg); color: var(--fg); cursor: pointer; }
        table.diff td { font-family: ui-monospace, monospace; font-size: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; width: 50%; }
        tr.first td { background: var(--mark); font-weight: 600; } tr.differs td { background: var(--differs); }
        </style>

        """;

    public const string Script = """
        <script>
        document.addEventListener("click", async event => {
          const button = event.target.closest("button[data-copy]");
          if (!button) return;
          try { await navigator.clipboard.writeText(button.dataset.copy); }
          catch {
            const area = document.createElement("textarea");
            area.value = button.dataset.copy; document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
          }
          const label = button.dataset.label ??= button.textContent;
          button.textContent = "copied"; setTimeout(() => button.textContent = label, 1500);
        });
        </script>

        """;
}
