/**
 * report.html: one file with everything in it, no network, no foreign code. Its content security policy lets only its own
 * script run, so that text of a model or a judge can do nothing even if it weren't escaped.
 * @module
 */
import { createHash } from "node:crypto";

import { AtomicFile } from "../../../formats/atomic.ts";
import type { Results } from "../results.ts";
import type { ScoreWithSpread } from "../score_table.ts";
import { storedItems, type StoredRun } from "../stored.ts";
import {
  browsed,
  CHUNK,
  type IndexRow,
  indexRow,
  type ItemStatus,
  packed,
  statusOf,
} from "./browser_data.ts";
import { type Chart, groupCharts, ringChart, type RingPart } from "./charts.ts";
import { countLines, headlines, intervalText, isShare, valueText } from "./text.ts";

/** Text for markup. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Writes the page. */
export async function writeHtml(path: string, run: StoredRun, results: Results): Promise<void> {
  const asset = (name: string) => Deno.readTextFileSync(new URL(name, import.meta.url));
  const [css, script] = [asset("page.css"), asset("page.js")];
  const { shown, chosen, ring } = await survey(run);
  const ringed = ring === null ? null : await ringChart(ring.parts, ring.inner, ring.outer);
  const charts = [...(ringed === null ? [] : [ringed]), ...await groupCharts(results.scores)];
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-${
    createHash("sha256").update(script).digest("base64")
  }'`;
  const file = new AtomicFile(path);
  const encoder = new TextEncoder();
  const write = (text: string) => file.write(encoder.encode(text));
  try {
    write(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(`${results.model} on ${results.benchmark}`)}</title>
<style>${css}</style>
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
${browser(results, shown)}
<footer>Made by Dinotune. Intervals: percentile bootstrap over items, ${results.bootstrap.resamples} resamples or fewer, seed ${results.bootstrap.seed}.</footer>
</main>
`);
    const scale = run.part.benchmark.protocol?.scale ?? 1;
    write(`<script type="application/json" id="page">${jsonForScript({ chunk: CHUNK, scale })}</script>\n`);
    let chunk: unknown[] = [], rows: IndexRow[] = [], n = 0;
    const flush = () => {
      if (chunk.length === 0) return;
      write(`<script type="application/json" class="index">${jsonForScript(rows)}</script>\n`);
      write(`<script type="text/plain" id="chunk-${n++}">${packed(chunk)}</script>\n`);
      chunk = [];
      rows = [];
    };
    for await (const stored of storedItems(run)) {
      const row = indexRow(stored, run.part.benchmark);
      if (!chosen(row[1])) continue;
      rows.push(row);
      chunk.push(browsed(stored));
      if (chunk.length === CHUNK) flush();
    }
    flush();
    write(`<script>${script}</script>\n</body>\n</html>\n`);
    file.commit();
  } catch (error) {
    file.abort();
    throw error;
  }
}

/** JSON that can't end its script element. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** First pass: which items fit on the page (of too many, those that didn't pass come first), and the ring's counts. */
async function survey(run: StoredRun): Promise<{
  shown: number;
  /** Asked once an item, in order. */
  chosen: (status: ItemStatus) => boolean;
  ring: { inner: string; outer: string | null; parts: RingPart[] } | null;
}> {
  const { benchmark } = run.part;
  const most = run.config.page_items;
  let total = 0, bad = 0;
  const names = new Map<string, Set<string>>();
  const pairs = new Map<string, number>();
  for await (const stored of storedItems(run)) {
    total++;
    if (statusOf(stored, benchmark).status !== "pass") bad++;
    for (const { groups } of stored.item.constraints) {
      const known = Object.entries(groups);
      for (const [by, name] of known) {
        let set = names.get(by);
        if (set === undefined) names.set(by, set = new Set());
        if (set.size < 1000) set.add(name);
      }
      const key = JSON.stringify(known);
      if (pairs.size < 10_000 || pairs.has(key)) pairs.set(key, (pairs.get(key) ?? 0) + 1);
    }
  }
  let goodLeft = Math.max(0, most - bad), badLeft = most;
  const chosen = (status: ItemStatus) => status === "pass" ? goodLeft-- > 0 : badLeft-- > 0;
  return { shown: Math.min(total, most), chosen, ring: ringOf(names, pairs) };
}

/** Inner ring: the grouping of constraints with the fewest names; outer: the next one. */
function ringOf(
  names: ReadonlyMap<string, ReadonlySet<string>>,
  pairs: ReadonlyMap<string, number>,
): { inner: string; outer: string | null; parts: RingPart[] } | null {
  const ordered = [...names].filter(([, set]) => set.size > 1).sort((a, b) => a[1].size - b[1].size);
  const inner = ordered[0]?.[0];
  if (inner === undefined) return null;
  const outer = ordered[1]?.[0] ?? null;
  const parts = new Map<string, RingPart>();
  for (const [key, count] of pairs) {
    const groups = Object.fromEntries(JSON.parse(key) as [string, string][]);
    const part = { inner: groups[inner] ?? "(none)", outer: outer === null ? "" : groups[outer] ?? "(none)" };
    const name = JSON.stringify(part);
    const before = parts.get(name);
    parts.set(name, { ...part, count: (before?.count ?? 0) + count });
  }
  return { inner, outer, parts: [...parts.values()] };
}

function head(results: Results): string {
  const { model, benchmark, judge, complete, stopped, passed } = results;
  const badges = [
    complete
      ? `<span class="badge ok">complete</span>`
      : `<span class="badge no">incomplete${stopped ? `: ${escapeHtml(stopped)}` : ""}</span>`,
    ...(passed === null ? [] : [
      passed
        ? `<span class="badge ok">reaches the threshold</span>`
        : `<span class="badge no">below the threshold</span>`,
    ]),
  ];
  const tiles = headlines(results.scores).slice(0, 4).map((score, i) =>
    `<div class="card tile${i === 0 ? " first" : ""}">
<div class="name">${escapeHtml(score.metric)}</div>
<div class="value">${valueText(score)}</div>
<div class="range">${score.interval === null ? "" : `95 %: ${intervalText(score)}`}</div>
</div>`
  );
  return `<header>
<h1>${escapeHtml(model)}</h1>
<p>on ${escapeHtml(benchmark)}, judged by ${escapeHtml(judge)} &nbsp; ${badges.join(" ")}</p>
</header>
<div class="tiles">${tiles.join("\n")}</div>`;
}

function scoreTable(results: Results): string {
  const rows = headlines(results.scores).map((s) => `<tr><td>${escapeHtml(s.metric)}</td>${cells(s)}</tr>`);
  const { counts } = results;
  const unscored = counts.reasons.length === 0
    ? ""
    : `<h3>Why constraints are unscored</h3><table><tr><th>reason</th><th>constraints</th></tr>${
      counts.reasons.slice(0, 12).map(({ reason, count }) =>
        `<tr><td>${escapeHtml(reason)}</td><td>${count}</td></tr>`
      ).join("")
    }</table>`;
  return `<h2>Scores</h2>
<div class="card"><div class="scroll"><table>
<tr><th>score</th><th class="wide"></th><th>value</th><th>95 % interval</th><th>standard error</th><th>of all</th><th>scored</th><th>unscored</th></tr>
${rows.join("\n")}
</table></div></div>
<p class="note" style="margin-top:12px">${
    countLines(results).map(escapeHtml).join("<br>")
  }<br>What is unscored is in no score. “Of all” counts it as zero: a lower bound.</p>
${agreement(results)}
${unscored === "" ? "" : `<div class="card scroll">${unscored}</div>`}`;
}

function agreement({ agreement }: Results): string {
  if (agreement === null) return "";
  const number = (value: number | null) => value === null ? "–" : value.toFixed(3);
  return `<h3>Agreement of the panel</h3><div class="card"><table>
<tr><th>judges</th><th>Krippendorff's alpha (interval)</th><th>alpha (nominal)</th><th>unanimous</th></tr>
<tr><td>${escapeHtml(agreement.judges.join(", "))}</td><td>${number(agreement.alpha)}</td><td>${
    number(agreement.alphaNominal)
  }</td><td>${number(agreement.unanimous)}</td></tr></table></div>`;
}

function cells(s: ScoreWithSpread): string {
  return `<td class="wide">${meter(s)}</td><td>${valueText(s)}</td><td>${intervalText(s)}</td><td>${
    s.stderr === null ? "–" : valueText(s, s.stderr)
  }</td><td>${valueText(s, s.ofAll)}</td><td>${s.scored}</td><td>${s.unscored}</td>`;
}

function meter(s: ScoreWithSpread): string {
  if (s.value === null) return "";
  const full = isShare(s) ? 1 : s.value > 1 ? 10 : 1;
  const percent = (x: number) => `${Math.min(100, Math.max(0, 100 * x / full)).toFixed(2)}%`;
  const whisker = s.interval === null
    ? ""
    : `<b style="left:${percent(s.interval[0])};width:${percent(s.interval[1] - s.interval[0])}"></b>`;
  return `<div class="meter"><i style="width:${percent(s.value)}"></i>${whisker}</div>`;
}

function figure({ title, note, svg, legend }: Chart): string {
  const colors = legend.map(({ name, color }) =>
    `<li><i style="background:${color}"></i>${escapeHtml(name)}</li>`
  ).join("");
  return `<figure class="card chart${svg.includes("mark-arc") ? " ring" : ""}"><strong>${
    escapeHtml(title)
  }</strong><p class="note">${escapeHtml(note)}</p>
<div class="drawing">${svg}${colors === "" ? "" : `<ul>${colors}</ul>`}</div></figure>`;
}

function groupTables({ scores }: Results): string {
  const groups = Map.groupBy(scores.filter((s) => s.group !== undefined), (s) => s.group!.by);
  return [...groups].map(([by, list]) =>
    `<details class="card" style="margin-top:14px"><summary>All numbers by ${
      escapeHtml(by)
    }</summary><div class="scroll"><table>
<tr><th>${
      escapeHtml(by)
    }</th><th>score</th><th class="wide"></th><th>value</th><th>95 % interval</th><th>standard error</th><th>of all</th><th>scored</th><th>unscored</th></tr>
${
      list.map((s) =>
        `<tr><td>${escapeHtml(s.group!.name)}</td><td>${escapeHtml(s.metric)}</td>${cells(s)}</tr>`
      ).join("\n")
    }</table></div></details>`
  ).join("\n");
}

function browser({ counts }: Results, shown: number): string {
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
