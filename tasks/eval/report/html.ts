/**
 * report.html: one file with everything in it, no network, no foreign code. Its content security policy lets only its own
 * script run, so that text of a model or a judge can do nothing even if it weren't escaped.
 * @module
 */
import { createHash } from "node:crypto";

import { AtomicFile } from "../../../formats/atomic.ts";
import { reportStyles } from "../../common/page/styles.ts";
import type { EvalResults } from "../results/results.ts";
import type { ScoreWithSpread } from "../results/score_table.ts";
import type { StoredRun } from "../store/stored.ts";
import { browsed, CHUNK, type IndexRow, indexRow, packed } from "./browser_data.ts";
import type { Chart } from "./chart.ts";
import { groupCharts } from "./charts.ts";
import { ringChart } from "./ring.ts";
import { fileWriter, type ItemWriter } from "./item_writer.ts";
import type { PageSurvey } from "./page_survey.ts";
import { weightText } from "../results/weight_text.ts";
import { countLines, headlines, intervalNote, intervalText, openText, valueText } from "./text.ts";

/** Text for markup. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * A box whose content may be wider than it: it scrolls to the side, by keyboard too.
 * @param label What it holds, for who doesn't see it
 * @param html Its content as markup
 */
export function scrollBox(label: string, html: string, classes = "scroll"): string {
  return `<div class="${classes}" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${html}</div>`;
}

/**
 * Writes the page: what is above the items at once, the items as they come.
 * @param survey Has seen every item
 */
export async function htmlWriter(
  path: string,
  run: StoredRun,
  results: EvalResults,
  survey: PageSurvey,
): Promise<ItemWriter> {
  const asset = (name: string) => Deno.readTextFileSync(new URL(name, import.meta.url));
  // one module of two files: what the second one imports stands in front of it
  const script = asset("item_view.js") + asset("page.js").replace(/^import .*\n/m, "");
  const ring = survey.ring();
  const ringed = ring === null ? null : await ringChart(ring.parts, ring.inner, ring.outer);
  const charts = [...(ringed === null ? [] : [ringed]), ...await groupCharts(results.scores)];
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${
    createHash("sha256").update(script).digest("base64")
  }'`;
  const scale = run.part.benchmark.protocol?.scale ?? 1;
  const top = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${results.model} on ${results.benchmark}`)}</title>
<style>${reportStyles()}</style>
</head>
<body>
<main>
${head(results)}
${scoreTable(results)}
${
    charts.length > 0
      ? `<h2>Where it does well, and where not</h2>\n<div class="charts">${
        charts.map(figure).join("\n")
      }</div>`
      : ""
  }
${groupTables(results)}
${browser(results, survey.shown)}
<footer>Made by Dinotune. ${escapeHtml(intervalNote(results))}</footer>
</main>
<script type="application/json" id="page">${jsonForScript({ chunk: CHUNK, scale })}</script>
`;
  const chosen = survey.chooser();
  let chunk: unknown[] = [], rows: IndexRow[] = [], chunks = 0;
  const chunkText = () => {
    if (chunk.length === 0) return "";
    const text = `<script type="application/json" class="index">${jsonForScript(rows)}</script>\n` +
      `<script type="text/plain" id="chunk-${chunks++}">${packed(chunk)}</script>\n`;
    chunk = [];
    rows = [];
    return text;
  };
  const tail = () => `${chunkText()}<script type="module">${script}</script>\n</body>\n</html>\n`;
  return fileWriter(new AtomicFile(path), top, tail, (stored, contributions) => {
    const row = indexRow(stored, contributions);
    if (!chosen(row[1])) return "";
    rows.push(row);
    chunk.push(browsed(stored));
    return chunk.length === CHUNK ? chunkText() : "";
  });
}

/** JSON that can't end its script element. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function head(results: EvalResults): string {
  const { model, benchmark, judge, complete, passed } = results;
  const badges = [
    complete
      ? `<span class="badge ok">complete</span>`
      : `<span class="badge no">incomplete: ${escapeHtml(openText(results))}</span>`,
    ...(passed === null ? [] : [
      passed
        ? `<span class="badge ok">reaches the threshold</span>`
        : `<span class="badge no">misses the threshold</span>`,
    ]),
  ];
  const tiles = headlines(results.scores).slice(0, 4).map((score, i) =>
    `<div class="card tile${i === 0 ? " first" : ""}">
<div class="name">${escapeHtml(score.metric)}</div>
<div class="value">${valueText(score)}</div>
<div class="range">${score.interval === null ? "" : `95 %: ${intervalText(score)}`}${
      score.unscored > 0 ? `<br>of all: ${valueText(score, score.ofAll)}` : ""
    }</div>
</div>`
  );
  return `<header>
<h1>${escapeHtml(model)}</h1>
<p>on ${escapeHtml(benchmark)}, judged by ${escapeHtml(judge)} &nbsp; ${badges.join(" ")}</p>
</header>
<div class="tiles">${tiles.join("\n")}</div>${thresholdTable(results)}`;
}

function thresholdTable({ thresholds }: EvalResults): string {
  if (thresholds === null) return "";
  const rows = thresholds.map((t) =>
    `<tr><td>${escapeHtml(t.metric)}</td><td><span class="badge ${t.passed ? "ok" : "no"}">${
      t.passed ? "reached" : "missed"
    }</span></td><td>${t.value?.toFixed(4) ?? "–"}</td><td>${t.limit}</td><td>${t.items}</td><td>${
      weightText(t.unscored)
    }${t.unscored > 0 && t.value !== null ? ` (${t.unscoredAre})` : ""}</td></tr>`
  );
  const table = `<table>
<tr><th>score</th><th>threshold</th><th>value</th><th>limit</th><th>items</th><th>unscored</th></tr>
${rows.join("\n")}
</table>`;
  return `<h2>Thresholds</h2><div class="card">${scrollBox("Thresholds", table)}</div>`;
}

function scoreTable(results: EvalResults): string {
  const rows = headlines(results.scores).map((s) => `<tr><td>${escapeHtml(s.metric)}</td>${cells(s)}</tr>`);
  const { counts } = results;
  const why = "Why constraints are unscored";
  const reasons = counts.reasons.length === 0
    ? ""
    : `<h3>${why}</h3><table><tr><th>reason</th><th>constraints</th></tr>${
      counts.reasons.slice(0, 12).map(({ reason, count }) =>
        `<tr><td class="text">${escapeHtml(reason)}</td><td>${count}</td></tr>`
      ).join("")
    }</table>`;
  const table = `<table>
<tr><th>score</th><th class="wide"></th><th>of scored</th><th>of all</th><th>95 % interval</th><th>standard error</th><th>scored</th><th>unscored</th></tr>
${rows.join("\n")}
</table>`;
  return `<h2>Scores</h2>
<div class="card">${scrollBox("Scores", table)}</div>
<p class="note" style="margin-top:12px">${
    countLines(results).map(escapeHtml).join("<br>")
  }<br>What is unscored is in no score “of scored”; “of all” counts it as zero, a lower bound.</p>
${agreement(results)}
${reasons === "" ? "" : scrollBox(why, reasons, "card scroll")}`;
}

function agreement({ agreement }: EvalResults): string {
  if (agreement === null) return "";
  const number = (value: number | null) => value === null ? "–" : value.toFixed(3);
  const table = `<table>
<tr><th>judges</th><th>Krippendorff's alpha (interval)</th><th>alpha (nominal)</th><th>unanimous</th></tr>
<tr><td>${escapeHtml(agreement.judges.join(", "))}</td><td>${number(agreement.alpha)}</td><td>${
    number(agreement.alphaNominal)
  }</td><td>${number(agreement.unanimous)}</td></tr></table>`;
  return `<h3>Agreement of the panel</h3><div class="card">${
    scrollBox("Agreement of the panel", table)
  }</div>`;
}

function cells(s: ScoreWithSpread): string {
  return `<td class="wide">${meter(s)}</td><td>${valueText(s)}</td><td>${valueText(s, s.ofAll)}</td><td>${
    intervalText(s)
  }</td><td>${s.stderr === null ? "–" : valueText(s, s.stderr)}</td><td>${weightText(s.scored)}</td><td>${
    weightText(s.unscored)
  }</td>`;
}

function meter(s: ScoreWithSpread): string {
  if (s.value === null) return "";
  const full = Math.max(s.max ?? 1, s.value);
  const percent = (x: number) => `${Math.min(100, Math.max(0, 100 * x / full)).toFixed(2)}%`;
  const whisker = s.interval === null
    ? ""
    : `<b style="left:${percent(s.interval[0])};width:${percent(s.interval[1] - s.interval[0])}"></b>`;
  return `<div class="meter"><i style="width:${percent(s.value)}"></i>${whisker}</div>`;
}

function figure({ title, note, svg, legend }: Chart): string {
  const colors = legend.map(({ name, color, share = "" }) =>
    `<li><i style="background:${color}"></i><bdi>${escapeHtml(name)}</bdi>${escapeHtml(share)}</li>`
  ).join("");
  return `<figure class="card chart${svg.includes("mark-arc") ? " ring" : ""}"><strong>${
    escapeHtml(title)
  }</strong><p class="note">${escapeHtml(note)}</p>
${scrollBox(title, `${svg}${colors === "" ? "" : `<ul>${colors}</ul>`}`, "drawing")}</figure>`;
}

function groupTables({ scores }: EvalResults): string {
  const groups = Map.groupBy(scores.filter((s) => s.group !== undefined), (s) => (s.group?.by ?? ""));
  return [...groups].map(([by, list]) => {
    const table = `<table>
<tr><th>${
      escapeHtml(by)
    }</th><th>score</th><th class="wide"></th><th>of scored</th><th>of all</th><th>95 % interval</th><th>standard error</th><th>scored</th><th>unscored</th></tr>
${
      list.map((s) =>
        `<tr><td><bdi>${escapeHtml(s.group?.name ?? "")}</bdi></td><td>${escapeHtml(s.metric)}</td>${
          cells(s)
        }</tr>`
      ).join("\n")
    }</table>`;
    return `<details class="card" style="margin-top:14px"><summary>All numbers by ${
      escapeHtml(by)
    }</summary>${scrollBox(`All numbers by ${by}`, table)}</details>`;
  }).join("\n");
}

function browser({ counts }: EvalResults, shown: number): string {
  const left = counts.items - shown;
  const options = ["all", "pass", "part", "fail", "unscored", "unanswered"];
  const names: Record<string, string> = {
    all: "all",
    pass: "passed",
    part: "in part",
    fail: "failed",
    unanswered: "no answer",
  };
  return `<h2>Every item</h2>
${
    left > 0
      ? `<p class="note">${shown} of ${counts.items} items are on this page, those that didn't pass first (page_items); all are in items.jsonl.</p>`
      : ""
  }
<div class="browser">
<div class="card list"><div class="tools">
<input id="search" type="search" placeholder="Search prompts, responses, verdicts" aria-label="Search">
<select id="filter" aria-label="Which items">${
    options.map((o) => `<option value="${o}">${names[o] ?? o}</option>`).join("")
  }</select>
<div class="count" id="count" role="status"></div></div><div class="rows" id="rows"></div></div>
<div class="card detail" id="detail"><p class="hint">Choose an item.</p></div>
</div>`;
}
