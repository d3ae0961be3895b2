/**
 * Files of a replication: a page, Markdown, CSV, LaTeX, pictures, and the numbers as JSON.
 * @module
 */
import { join } from "@std/path";

import { writeFileAtomic } from "../../../formats/atomic.ts";
import { writeCurves } from "../../compare/curves.ts";
import { latexTable, markdownTable } from "../../common/report/table.ts";
import { writeTables } from "../../common/report/table_files.ts";
import { svgToPng } from "../../train/outputs/plots/plots.ts";
import type { Replication } from "../run.ts";
import { distinctEvaluations } from "../scores.ts";
import { chartSvg } from "./chart.ts";
import { pageText } from "./page.ts";
import { type ReplicationReport, reportOf, titleOf } from "./parts.ts";
import { numberTable, rateText } from "./tables.ts";

/** Writes the files; gives their names and what they hold. */
export async function writeReplication(
  replication: Replication,
): Promise<{ report: ReplicationReport; files: { name: string; what: string }[] }> {
  const { config: { out_dir: directory }, methods } = replication;
  const report = reportOf(replication);
  const [scores, differences] = report.sections;
  const chart = await chartSvg(report.numbers);
  const write = (name: string, data: string | Uint8Array) => writeFileAtomic(join(directory, name), data);
  await write("scores.svg", chart);
  await write("scores.png", await svgToPng(chart));
  const runs = methods.flatMap(({ title, trainings }) =>
    trainings.map((training) => ({
      name: `${title}, seed ${training.config.seed}`,
      group: title,
      history: training.history,
    }))
  );
  const curves = await writeCurves(directory, "curves", runs);
  const svgs = curves.filter((name) => name.endsWith(".svg"));
  await write(
    "report.html",
    pageText(replication, report, [
      chart,
      ...svgs.map((name) => Deno.readTextFileSync(join(directory, name))),
    ]),
  );
  await write("report.md", markdownText(replication, report, svgs));
  if (scores !== undefined && differences !== undefined) {
    const numbers = numberTable(report.numbers);
    await writeTables({ shown: scores.table, numbers, caption: scores.note }, [
      join(directory, "scores.md"),
      join(directory, "scores.csv"),
    ]);
    await write("scores.tex", `${latexTable(scores.table)}\n${latexTable(differences.table)}`);
  }
  await write("results.json", JSON.stringify(resultsOf(replication, report), null, 2) + "\n");
  return {
    report,
    files: [
      { name: "report.html", what: "tables, pictures and what to know about them" },
      { name: "report.md", what: "the same as Markdown" },
      { name: "scores.md", what: "the table" },
      { name: "scores.csv", what: "every number of it, not rounded" },
      { name: "scores.tex", what: "table and differences for LaTeX" },
      { name: "scores.svg", what: "the table as a picture" },
      ...curves.filter((name) => name.endsWith(".svg")).map((name) => ({
        name,
        what: "curves of all trainings",
      })),
      { name: "results.json", what: "every number" },
      { name: "runs", what: "trainings, each with its run.yaml" },
      { name: "test", what: "evaluations, each with its report.html" },
      { name: "run.yaml", what: "every key of this replication" },
    ],
  };
}

function markdownText(
  { config }: Replication,
  { sections, remarks }: ReplicationReport,
  pictures: readonly string[],
): string {
  return [
    `# ${titleOf(config)}`,
    "",
    ...sections.flatMap((
      { title, note, table },
    ) => [`## ${title}`, "", note, "", ...markdownTable(table), ""]),
    "## What to know",
    "",
    ...remarks.map((remark) => `- ${remark}`),
    "",
    ...["scores.svg", ...pictures].map((name) => `![${name}](${name})\n`),
  ].join("\n");
}

function resultsOf(
  { tried, items }: Replication,
  { numbers, remarks }: ReplicationReport,
): Record<string, unknown> {
  const names = numbers.rows[0]?.cells.map(({ measure }) => measure.title) ?? [];
  return {
    version: 1,
    methods: numbers.rows.map(({ method, cells }) => ({
      method: method.title,
      learning_rate: method.rate,
      unscored: distinctEvaluations(method).reduce((sum, one) => sum + one.unscored, 0),
      scores: Object.fromEntries(cells.map(({ value, seeds }, i) => [names[i], { value, seeds }])),
    })),
    differences: numbers.against.map(({ other, differences }) => ({
      iopo_minus: other,
      scores: Object.fromEntries(differences.map((difference, i) => [names[i], difference])),
    })),
    tuning: tried.map(({ arm, score, unscored, chosen }) => ({
      method: arm.method.title,
      learning_rate: Number(rateText(arm.rate)),
      score,
      unscored,
      chosen,
    })),
    items: { train: items.train.length, validation: items.validation.length, test: items.test.length },
    remarks,
  };
}
