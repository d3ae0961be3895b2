/**
 * Table of what tasks/bench/device.sh found, as Markdown, with the goals of docs/performance_webgpu.md beside each ratio.
 * A row without a figure says which part is the reason:
 *
 *     deno run --allow-read --allow-env tasks/bench/device/device_table.ts FOLDER
 *
 * @module
 */
import { join } from "@std/path";

import { print } from "../../common/cli/print.ts";
import { runTask } from "../../common/cli/run_task.ts";
import { markdownTable } from "../../common/report/table.ts";
import { DeviceFigures, type PartFigure } from "./device_figures.ts";
import { type DeviceRow, deviceRows } from "./device_rows.ts";

/** The table. @param folder As device.sh wrote it. */
export function deviceTable(folder: string): string {
  const figures = new DeviceFigures(folder);
  const parts = [...figures.codes].map(([name, state]) => {
    const [code = "", seconds = ""] = state.split(" ");
    return [
      name,
      figures.ended(name),
      /^\d+$/.test(code) ? seconds : "",
      figures.memory(name)?.toFixed(0) ?? "",
    ];
  });
  return [
    `## ${card(figures)}`,
    "",
    ...markdownTable({
      columns: [
        { title: "", align: "left" },
        { title: "this version" },
        { title: "compared with" },
        { title: "ratio" },
        { title: "goal" },
        { title: "", align: "left" },
      ],
      rows: deviceRows(figures).map((row) => cells(row, figures)),
    }),
    "",
    ...markdownTable({
      columns: [
        { title: "part", align: "left" },
        { title: "", align: "left" },
        { title: "seconds" },
        { title: "GPU MiB more than before" },
      ],
      rows: parts,
    }),
  ].join("\n");
}

function cells({ name, found, unit, other, ratio, goal }: DeviceRow, figures: DeviceFigures): string[] {
  const shown = (of: PartFigure | undefined) =>
    of === undefined || of.value === null ? "" : `${of.value.toPrecision(3)} ${unit}`;
  const own = found.value, before = other?.value ?? null;
  const share = own === null || before === null || ratio === undefined
    ? null
    : ratio === "of"
    ? own / before
    : before / own;
  // Without a ratio a goal is of the figure itself.
  const judged = ratio === undefined ? own : share;
  const missing = own === null ? found : judged === null && goal ? other : undefined;
  const verdict = goal && judged !== null ? (goal.holds(judged) ? "met" : "missed") : "";
  return [
    name,
    shown(found),
    shown(other),
    share?.toFixed(2) ?? "",
    goal?.text ?? "",
    missing ? `no ${missing === found ? "figure" : "ratio"}: ${why(missing.part, figures)}` : verdict,
  ];
}

/** Reason for a figure that isn't there. */
function why(part: string, figures: DeviceFigures): string {
  const ended = figures.ended(part);
  if (ended === "passed") return `${part} passed without saying it`;
  return /^(cut|left)/.test(ended) ? `${part} was ${ended}` : `${part} ${ended}`;
}

/** Name of the device: of the driver, else as the kernels' bench describes it. */
function card(figures: DeviceFigures): string {
  try {
    return Deno.readTextFileSync(join(figures.folder, "card.txt")).trim();
  } catch {
    return figures.json("kernels")?.peaks?.[0]?.description ?? "device";
  }
}

if (import.meta.main) {
  await runTask(() => {
    const [folder] = Deno.args;
    if (folder === undefined) {
      throw new RangeError("Cannot make a table: the folder that device.sh wrote is needed");
    }
    print(deviceTable(folder));
    return Promise.resolve();
  });
}
