/**
 * The table of `deno task bench train`.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { markdownTable } from "../../common/report/table.ts";
import type { MeasuredProcess } from "./train_process.ts";
import { stepText } from "./train_profile.ts";

/** The table: medians of each program and setting, and ratios against ours in our faster setting. */
export function trainBenchText(runs: readonly MeasuredProcess[], peakGflops: number): string {
  const groups = Map.groupBy(runs, (r) => `${r.program}|${r.checkpointing}`);
  const rows = [...groups].map(([key, list]) => ({
    key,
    program: item(list, 0).program,
    ck: item(list, 0).checkpointing,
    ...medians(list),
  }));
  const fastest = (program: string) =>
    rows.filter((r) => r.program === program).toSorted((a, b) => a.seconds - b.seconds)[0]!;
  const ours = fastest(item(rows.filter((r) => r.program.startsWith("dinotune")), 0).program);
  const texts = ["program", "checkpointing"];
  const numbers = ["s/step", "reference s/step", "tokens/s", "peak MiB", "first step s"];
  const columns = [...texts, ...numbers, "GFLOP/s (share of a product's)"].map((title) => ({
    title,
    align: texts.includes(title) ? "left" as const : "right" as const,
  }));
  const cells = rows.map((r) => [
    r.program,
    r.ck,
    r.seconds.toFixed(2),
    r.reference ? r.reference.toFixed(2) : "in the step",
    r.tokensPerSecond.toFixed(0),
    r.peakMebibytes.toFixed(0),
    r.firstStep.toFixed(1),
    r.gflops ? `${r.gflops.toFixed(0)} (${(100 * r.gflops / peakGflops).toFixed(0)} %)` : "",
  ]);
  const lines = markdownTable({ columns, rows: cells });
  for (const program of new Set(rows.map((r) => r.program).filter((p) => p !== ours.program))) {
    const peer = fastest(program);
    lines.push(
      `${program} (its faster setting, checkpointing ${peer.ck}) takes ${
        (peer.seconds / ours.seconds).toFixed(2)
      } times as long a step as ours ` +
        `(checkpointing ${ours.ck}), ${
          (peer.seconds / (ours.seconds + ours.reference)).toFixed(2)
        } times with the reference counted; ` +
        `its first step is done after ${(peer.firstStep / ours.firstStep).toFixed(2)} times our time`,
    );
  }
  const kept = rows.find((r) => r.program === ours.program && r.ck === "on");
  const slow =
    rows.filter((r) => r.program === "PyTorch float32").toSorted((a, b) => a.seconds - b.seconds)[0];
  if (kept && slow) {
    lines.push(
      `With checkpointing: ${kept.peakMebibytes.toFixed(0)} MiB, ${
        (slow.seconds / kept.seconds).toFixed(2)
      } times as fast as PyTorch float32 in its faster setting`,
    );
  }
  const last = runs.findLast(({ profile }) => profile !== null);
  if (last?.profile) lines.push("", ...stepText(last.profile, peakGflops).split("\n"));
  return lines.join("\n");
}

function medians(list: readonly MeasuredProcess[]) {
  const median = (pick: (m: MeasuredProcess) => number) =>
    list.map(pick).toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
  return {
    seconds: median((m) => m.seconds),
    reference: median((m) => m.reference),
    tokensPerSecond: median((m) => m.tokensPerSecond),
    peakMebibytes: median((m) => m.peakMebibytes),
    firstStep: median((m) => m.firstStep),
    gflops: item(list, 0).gflops === null ? null : median((m) => m.gflops!),
  };
}
