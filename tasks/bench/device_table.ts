/**
 * Table of what tasks/bench/device.sh found, as Markdown, with the goals of docs/performance.md beside each ratio.
 * A row without a figure says
 * which part is the reason:
 *
 *     deno run --allow-read --allow-env tasks/bench/device_table.ts FOLDER
 *
 * @module
 */
import { join } from "@std/path";

import { print, runTask } from "../common/cli.ts";
import { markdownTable } from "../common/table.ts";
import type { MeasuredProcess } from "./train_process.ts";

/** Goal of a ratio. */
interface Goal {
  /** Words of it: "≤ 0.5". */
  text: string;
  holds(ratio: number): boolean;
}

const atMost = (most: number): Goal => ({ text: `≤ ${most}`, holds: (ratio) => ratio <= most });
const atLeast = (least: number): Goal => ({ text: `≥ ${least}`, holds: (ratio) => ratio >= least });

/** A part of device.sh, and the figure of it that is wanted: null where it gave none. */
interface Found {
  part: string;
  value: number | null;
}

/** One row: what a part found, what it is compared with, and the goal of the ratio. */
interface Row {
  name: string;
  found: Found;
  unit: string;
  /** Of the other version, or of another part. */
  other?: Found;
  /** The form of the ratio: "times" of the other, or "faster", the other's part of this one. */
  ratio?: "of" | "faster";
  goal?: Goal;
}

/** Figures of parts that ended well, by name. */
class Figures {
  readonly codes: ReadonlyMap<string, string>;
  readonly #files: ReadonlyMap<string, string>;

  constructor(readonly folder: string) {
    const lines = Deno.readTextFileSync(join(folder, "codes.txt")).trim().split("\n").filter((line) =>
      line !== ""
    );
    this.codes = new Map(lines.map((line) => [line.split(" ")[0] ?? "", line.slice(line.indexOf(" ") + 1)]));
    this.#files = new Map(
      [...Deno.readDirSync(folder)].map(({ name }) => [name.replace(/^\d+_/, ""), join(folder, name)]),
    );
  }

  /** Text that a bench printed; null where it failed or didn't run. */
  // deno-lint-ignore no-explicit-any -- each bench has its own shape, and an older version's may lack fields
  json(part: string): any {
    const path = this.#files.get(`${part}.json`);
    if (path === undefined || !this.codes.get(part)?.startsWith("0 ")) return null;
    const text = Deno.readTextFileSync(path).trim();
    // A process of the training bench prints a line for each step.
    return JSON.parse(text.startsWith("{\n") ? text : text.slice(text.lastIndexOf("\n") + 1));
  }

  /** As a part ended, in words, with its seconds where they matter; `timeout` gives 124, or 137 where it had to kill. */
  ended(part: string): string {
    const state = this.codes.get(part);
    if (state === undefined) return "wasn't asked for";
    const [code = "", seconds = ""] = state.split(" ");
    if (!/^\d+$/.test(code)) return state;
    if (code === "0") return "passed";
    return code === "124" || code === "137" ? `cut after ${seconds} s` : `failed (${code})`;
  }

  /** MiB of the GPU at most, beside those before the part; null where nothing measured it. */
  memory(part: string): number | null {
    const path = this.#files.get(`${part}.gpu`);
    const samples = path === undefined ? [] : Deno.readTextFileSync(path).trim().split("\n").map(Number);
    const [first] = samples;
    return first === undefined || samples.some(Number.isNaN) ? null : Math.max(...samples) - first;
  }
}

/** The table. @param folder As device.sh wrote it. */
export function deviceTable(folder: string): string {
  const figures = new Figures(folder);
  const run = (part: string) => (figures.json(part)?.runs as MeasuredProcess[] | undefined)?.[0];
  const step = (part: string): Found => {
    const measured = run(part);
    return { part, value: measured ? measured.seconds + measured.reference : null };
  };
  const first = (part: string): Found => {
    const { firstStep, ready = null } = run(part) ?? {};
    return { part, value: firstStep === undefined || ready === null ? null : firstStep - ready };
  };
  const kernel = (part: string, name: string): Found => {
    const timings = (figures.json(part)?.timings ?? []) as { kernel: string; milliseconds: number }[];
    const own = timings.filter((timing) => timing.kernel === name).map(({ milliseconds }) => milliseconds);
    return { part, value: own.length ? Math.max(...own) : null };
  };
  const generated = (part: string, name: string): Found => ({
    part,
    value: figures.json(part)?.ours?.[name] ?? null,
  });
  const ready = (part: string): Found => ({
    part,
    value: figures.json(part)?.seconds_to_model_ready ?? null,
  });
  const cuda = (part: string): Row[] => [
    { name: `step with reference, ${part}`, found: step(part), unit: "s" },
    { name: `first step after loading, ${part}`, found: first(part), unit: "s", goal: atMost(3) },
  ];
  const forms = ["host_float32", "host_bf16", "device_float32", "device_bf16"].map((form) => `cuda_${form}`);
  const decoding = [["decodeAfter32", "decode, one stream"], ["streams", "decode, 8 streams"], [
    "prompt",
    "prompt",
  ]] as const;
  const rows: Row[] = [
    {
      name: "step with reference",
      found: step("train"),
      unit: "s",
      other: step("train_before"),
      ratio: "of",
      goal: atMost(0.5),
    },
    ...(["attention_grad", "attention", "linear"] as const).map((name): Row => ({
      name,
      found: kernel("kernels", name),
      unit: "ms",
      other: kernel("kernels_before", name),
      ratio: "faster",
      ...(name !== "linear" && { goal: atLeast(name === "attention" ? 3 : 4) }),
    })),
    ...decoding.map(([name, title]): Row => ({
      name: title,
      found: generated("generate", name),
      unit: "tokens/s",
      other: generated("generate_before", name),
      ratio: "of",
      ...(name === "decodeAfter32" && { goal: atLeast(3) }),
    })),
    { name: "decode, 32 streams", found: generated("generate_streams", "streams"), unit: "tokens/s" },
    {
      name: "process start to loaded model",
      found: ready("load"),
      unit: "s",
      other: ready("load_before"),
      ratio: "faster",
      goal: atLeast(4),
    },
    ...forms.flatMap(cuda),
    { name: "large model: step with reference", found: step("large"), unit: "s" },
    ...["host", "device"].map((tensors): Row => ({
      name: `large model: cuda_${tensors}_bf16 beside webgpu's step`,
      found: step(`large_cuda_${tensors}_bf16`),
      unit: "s",
      other: step("large"),
      ratio: "faster",
      goal: atLeast(3),
    })),
  ];
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
      rows: rows.map((row) => cells(row, figures)),
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

function cells({ name, found, unit, other, ratio, goal }: Row, figures: Figures): string[] {
  const shown = (of: Found | undefined) =>
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
function why(part: string, figures: Figures): string {
  const ended = figures.ended(part);
  if (ended === "passed") return `${part} passed without saying it`;
  return /^(cut|left)/.test(ended) ? `${part} was ${ended}` : `${part} ${ended}`;
}

/** Name of the device: of the driver, else as the kernels' bench describes it. */
function card(figures: Figures): string {
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
