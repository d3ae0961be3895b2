/**
 * A table as markup, in the pages' card.
 * @module
 */
import type { Column, Table } from "../../common/table.ts";
import { escapeHtml } from "./html.ts";

/** Markup of a table; every text is escaped. */
export function tableHtml({ columns, rows }: Table): string {
  const cell = (tag: "td" | "th", column: Column | undefined, text: string) =>
    `<${tag}${column?.align === "left" ? ' style="text-align:left"' : ""}>${escapeHtml(text)}</${tag}>`;
  return `<div class="card" style="margin-top:14px"><div class="scroll"><table>
<tr>${columns.map((column) => cell("th", column, column.title)).join("")}</tr>
${rows.map((row) => `<tr>${row.map((text, i) => cell("td", columns[i], text)).join("")}</tr>`).join("\n")}
</table></div></div>`;
}
