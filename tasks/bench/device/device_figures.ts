/**
 * Figures that tasks/bench/device.sh left in a folder: one file per part, and how each part ended.
 * @module
 */
import { join } from "@std/path";

import type { MeasuredProcess } from "../train/train_process.ts";

/** A part of device.sh, and the figure of it that is wanted: null where it gave none. */
export interface PartFigure {
  part: string;
  value: number | null;
}

/** Figures of parts that ended well, by name. */
export class DeviceFigures {
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

  /** Seconds of a training step with its reference. */
  step(part: string): PartFigure {
    const measured = this.#run(part);
    return { part, value: measured ? measured.seconds + measured.reference : null };
  }

  /** Seconds from the loaded model to the end of the first step. */
  firstStep(part: string): PartFigure {
    const { firstStep, ready = null } = this.#run(part) ?? {};
    return { part, value: firstStep === undefined || ready === null ? null : firstStep - ready };
  }

  /** Milliseconds of a kernel, the largest of its sizes. */
  kernel(part: string, name: string): PartFigure {
    const timings = (this.json(part)?.timings ?? []) as { kernel: string; milliseconds: number }[];
    const own = timings.filter((timing) => timing.kernel === name).map(({ milliseconds }) => milliseconds);
    return { part, value: own.length ? Math.max(...own) : null };
  }

  /** Tokens a second of generation. */
  generated(part: string, name: string): PartFigure {
    return { part, value: this.json(part)?.ours?.[name] ?? null };
  }

  /** Seconds from the process's start to the loaded model. */
  ready(part: string): PartFigure {
    return { part, value: this.json(part)?.seconds_to_model_ready ?? null };
  }

  #run(part: string): MeasuredProcess | undefined {
    return (this.json(part)?.runs as MeasuredProcess[] | undefined)?.[0];
  }
}
