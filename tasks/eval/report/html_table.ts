/**
 * A table as markup, in the pages' card.
 * @module
 */
import type { Column, Table } from "../../common/report/table.ts";
import { escapeHtml, scrollBox } from "./html.ts";

/** Markup of a table; every text is escaped. @param label What the table tells, for who doesn't see it */
export function tableHtml({ columns, rows }: Table, label: string): string {
  const cell = (tag: "td" | "th", column: Column | undefined, text: string) =>
    `<${tag}${column?.align === "left" ? ' style="text-align:left"' : ""}>${escapeHtml(text)}</${tag}>`;
  const table = `<table>
<tr>${columns.map((column) => cell("th", column, column.title)).join("")}</tr>
${rows.map((row) => `<tr>${row.map((text, i) => cell("td", columns[i], text)).join("")}</tr>`).join("\n")}
</table>`;
  return `<div class="card" style="margin-top:14px">${scrollBox(label, table)}</div>`;
}
