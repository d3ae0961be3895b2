/**
 * Table of what tasks/bench/device.sh found, as Markdown, with the goals of docs/performance.md beside each ratio:
 *
 *     deno run --allow-read --allow-env tasks/bench/device_table.ts FOLDER
 *
 * @module
 */
import { join } from "@std/path";

import { print, runTask } from "../common/cli.ts";
import { markdownTable } from "../common/table.ts";
import type { MeasuredProcess } from "./train.ts";

/** Goal of a ratio. */
interface Goal {
  /** Words of it: "≤ 0.5". */
  text: string;
  holds(ratio: number): boolean;
}

const atMost = (most: number): Goal => ({ text: `≤ ${most}`, holds: (ratio) => ratio <= most });
const atLeast = (least: number): Goal => ({ text: `≥ ${least}`, holds: (ratio) => ratio >= least });

/** One row: what a part found, what it is compared with, and the goal of the ratio. */
interface Row {
  name: string;
  found: number | null;
  unit: string;
  /** Of the other version, or of another part. */
  other?: number | null;
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
  const step = (part: string) => {
    const [run] = (figures.json(part)?.runs ?? []) as MeasuredProcess[];
    return run === undefined ? null : {
      whole: run.seconds + run.reference,
      first: run.ready === undefined || run.ready === null ? null : run.firstStep - run.ready,
    };
  };
  const kernel = (part: string, name: string): number | null => {
    const timings = (figures.json(part)?.timings ?? []) as { kernel: string; milliseconds: number }[];
    const own = timings.filter((timing) => timing.kernel === name).map(({ milliseconds }) => milliseconds);
    return own.length ? Math.max(...own) : null;
  };
  const generated = (part: string, name: string): number | null => figures.json(part)?.ours?.[name] ?? null;
  const ready = (part: string): number | null => figures.json(part)?.seconds_to_model_ready ?? null;
  const cuda = (name: string): Row[] => [
    { name: `step with reference, ${name}`, found: step(name)?.whole ?? null, unit: "s" },
    {
      name: `first step after loading, ${name}`,
      found: step(name)?.first ?? null,
      unit: "s",
      goal: atMost(3),
    },
  ];
  const forms = ["host_float32", "host_bf16", "device_float32", "device_bf16"].map((form) => `cuda_${form}`);
  const large = step("large")?.whole ?? null;
  const rows: Row[] = [
    {
      name: "step with reference",
      found: step("train")?.whole ?? null,
      unit: "s",
      other: step("train_before")?.whole ?? null,
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
    ...([["decodeAfter32", "decode, one stream"], ["streams", "decode, 8 streams"], [
      "prompt",
      "prompt",
    ]] as const)
      .map(([name, title]): Row => ({
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
    { name: "large model: step with reference", found: large, unit: "s" },
    ...["host", "device"].map((tensors): Row => ({
      name: `large model: cuda_${tensors}_bf16, beside the row above it`,
      found: step(`large_cuda_${tensors}_bf16`)?.whole ?? null,
      unit: "s",
      other: large,
      ratio: "faster",
      goal: atLeast(3),
    })),
  ];
  const parts = [...figures.codes].map(([name, state]) => {
    const [code = "", seconds = ""] = state.split(" "), ran = /^\d+$/.test(code);
    const memory = figures.memory(name);
    return [
      name,
      ran ? ended(code, seconds) : state,
      ran ? seconds : "",
      memory?.toFixed(0) ?? "",
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
      rows: rows.filter(({ found }) => found !== null).map(cells),
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

/** As a part ended. `timeout` gives 124, or 137 where it had to kill. */
function ended(code: string, seconds: string): string {
  if (code === "0") return "passed";
  return code === "124" || code === "137" ? `cut after ${seconds} s` : `failed (${code})`;
}

function cells({ name, found, unit, other = null, ratio, goal }: Row): string[] {
  const shown = (value: number | null) => value === null ? "" : `${value.toPrecision(3)} ${unit}`;
  const share = found === null || other === null || ratio === undefined
    ? null
    : ratio === "of"
    ? found / other
    : other / found;
  // Without a ratio a goal is of the figure itself.
  const judged = ratio === undefined ? found : share;
  return [
    name,
    shown(found),
    shown(other),
    share?.toFixed(2) ?? "",
    goal?.text ?? "",
    goal && judged !== null ? (goal.holds(judged) ? "met" : "missed") : "",
  ];
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
