/**
 * report.html of a replication: one file with everything in it, no network, no script.
 * @module
 */
import { reportPage } from "../../common/page/report_page.ts";
import { escapeHtml, scrollBox } from "../../eval/report/html.ts";
import { tableHtml } from "../../eval/report/html_table.ts";
import type { Replication } from "../run.ts";
import { type ReplicationReport, titleOf } from "./parts.ts";

/** The page. @param pictures SVG texts, the first one below the scores */
export function pageText(
  { config }: Pick<Replication, "config">,
  { sections, remarks }: Pick<ReplicationReport, "sections" | "remarks">,
  pictures: readonly string[],
): string {
  const title = titleOf(config);
  const figure = (svg: string, label: string) =>
    scrollBox(label, svg.replace(/^<\?xml[^>]*>\s*/, ""), "card picture");
  const [first = "", ...curves] = pictures;
  const parts = sections.map(({ title, note, table }, i) =>
    `<h2>${escapeHtml(title)}</h2>\n<p class="note">${escapeHtml(note)}</p>\n${tableHtml(table, title)}${
      i === 0 ? `\n${figure(first, `${title}, drawn`)}` : ""
    }`
  );
  const styles = `.picture { margin-top: 14px; background: white; overflow-x: auto }
.picture svg { min-width: 620px; max-width: 100%; height: auto }
li { margin: 5px 0 }`;
  return reportPage(
    escapeHtml(title),
    styles,
    `<header><h1>${escapeHtml(title)}</h1><p>${
      escapeHtml(`${config.steps} steps, seeds ${config.seeds.join(", ")}`)
    }</p></header>
<h2>What to know</h2>
<ul>
${remarks.map((remark) => `<li>${escapeHtml(remark)}</li>`).join("\n")}
</ul>
${parts.join("\n")}
<h2>Curves</h2>
<p class="note">Losses of SFT, DPO and IOPO measure different things: a curve is to be compared with others of its method.</p>
${curves.map((svg, i) => figure(svg, `Curves, ${i + 1} of ${curves.length}`)).join("\n")}`,
  );
}
