/**
 * report.html of a synthesis: one file with everything in it, no network, no script. Its content security policy forbids scripts, so
 * that text of a model can do nothing even if it weren't escaped.
 * @module
 */
import { reportPage } from "../../common/page/report_page.ts";
import { escapeHtml, scrollBox } from "../../eval/report/html.ts";
import { tableHtml } from "../../eval/report/html_table.ts";
import type { Draft } from "../draft.ts";
import type { DropReason } from "../funnel.ts";
import { type Results, rowText } from "../results.ts";
import { agreementTable, costTable, percent, shareTable } from "./tables.ts";
import { costText, summaryLines } from "./text.ts";

const SHOWN_ROWS = 20;

/** report.html: one file without scripts or links to others. */
export function htmlText(results: Results, rows: readonly Draft[]): string {
  const { rows: counts, models, funnel, cost_per_row, complete } = results;
  const tile = (name: string, value: string, note: string, first = false) =>
    `<div class="card tile${first ? " first" : ""}"><div class="name">${
      escapeHtml(name)
    }</div><div class="value">${escapeHtml(value)}</div><div class="range">${escapeHtml(note)}</div></div>`;
  const styles =
    `pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--code); padding: 8px 12px; border-radius: 6px; margin: 4px 0 14px }
details { margin: 10px 0 } summary { cursor: pointer }
td .meter { min-width: 160px }`;
  return reportPage(
    `Synthesis by ${escapeHtml(models.generator)}`,
    styles,
    `<header><h1>Synthesis by ${escapeHtml(models.generator)}</h1><p>${
      models.judges.length === 0 ? "checked by rules" : `judged by ${escapeHtml(models.judges.join(", "))}`
    } &nbsp; <span class="badge ${complete ? "ok" : "no"}">${
      complete ? "complete" : "incomplete"
    }</span></p></header>
<div class="tiles">
${tile("rows", `${counts.made}`, `of ${counts.wanted} wanted`, true)}
${
      tile(
        "drafts",
        `${funnel.begun}`,
        `${funnel.begun - funnel.open - funnel.kept} dropped, ${funnel.open} open`,
      )
    }
${tile("kept", percent(funnel.begun === 0 ? null : funnel.kept / funnel.begun), "of the drafts")}
${tile("cost a row", cost_per_row === null ? "–" : costText(cost_per_row), "over all starts")}
</div>
<p class="note" style="margin-top:14px">${summaryLines(results).map(escapeHtml).join("<br>")}</p>
<h2>Kept and dropped</h2>
${funnelHtml(results)}
${funnel.steps.flatMap(({ step, reasons }) => reasons.map((reason) => reasonHtml(step, reason))).join("\n")}
<h2>Wanted and got</h2>
${tableHtml(shareTable("constraints a row", results.counts), "Constraints a row")}
${tableHtml(shareTable("type", results.types), "Types")}
${
      results.operations.length === 0
        ? ""
        : tableHtml(shareTable("operation of x2", results.operations), "Operations of x2")
    }
<h2>Cost</h2>
${tableHtml(costTable(results), "Cost")}
${
      results.agreement.length === 0
        ? ""
        : `<h2>Agreement of the judges</h2>\n${tableHtml(agreementTable(results), "Agreement of the judges")}`
    }
<h2>Rows</h2>
<p class="note">The first ${
      Math.min(SHOWN_ROWS, rows.length)
    } of ${rows.length}; all are in dataset/records.jsonl.</p>
${rows.slice(0, SHOWN_ROWS).map(rowHtml).join("\n")}`,
  );
}

function funnelHtml({ funnel }: Results): string {
  const widest = Math.max(1, ...funnel.steps.map(({ entered }) => entered));
  const rows = funnel.steps.map(({ step, entered, dropped }) =>
    `<tr><td>${escapeHtml(step)}</td><td class="wide"><div class="meter"><i style="width:${
      (100 * (entered - dropped) / widest).toFixed(2)
    }%"></i></div></td><td>${entered}</td><td>${dropped}</td><td>${entered - dropped}</td></tr>`
  );
  const table = `<table>
<tr><th>step</th><th class="wide"></th><th>reached</th><th>dropped</th><th>passed</th></tr>
${rows.join("\n")}
</table>`;
  return `<div class="card">${scrollBox("Kept and dropped", table)}</div>`;
}

function reasonHtml(step: string, { reason, count, examples }: DropReason): string {
  return `<details class="card"><summary>${escapeHtml(step)}: ${escapeHtml(reason)} (${count})</summary>
${
    examples.map(({ id, seed, text }) =>
      `<h3>${escapeHtml(id)}, from “${escapeHtml(seed)}”</h3><pre>${escapeHtml(text)}</pre>`
    ).join("\n")
  }</details>`;
}

function rowHtml(row: Draft): string {
  return `<details class="card"><summary>${escapeHtml(row.id)}: ${escapeHtml(row.seed.text)}</summary>
${
    rowText(row).map(([name, text]) => `<h3>${escapeHtml(name)}</h3><pre>${escapeHtml(text)}</pre>`).join(
      "\n",
    )
  }</details>`;
}
