/** The Python of tests: DINOTUNE_PYTHON, where it has what the trainer needs. */
import { fileURLToPath } from "node:url";

import { startRanks } from "./ranks.ts";
import { type TorchOptions, torchOptions } from "./options.ts";

/** Whether it is missing, and why, for names of tests. A Python that is named but lacks a package is a fault, not a reason. */
export const { ignore, why } = Deno.env.get("DINOTUNE_PYTHON")
  ? { ignore: false, why: "" }
  : { ignore: true, why: " (ignored: DINOTUNE_PYTHON isn't set)" };

/** Options with their defaults, float32, on CPU processes. */
export function optionsOf(written: Partial<TorchOptions>): TorchOptions {
  return torchOptions.parse({ dtype: "float32", nproc_per_node: 1, ...written });
}

/** Ranks on the CPU. */
export function cpuRanks(processes: number) {
  return startRanks(optionsOf({ nproc_per_node: processes }));
}

/** Numbers of living processes whose command line has a text, from /proc. */
export function processesWith(text: string): number[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) =>
    Number(name)
  )
    .filter((id) => {
      try {
        const state = Deno.readTextFileSync(`/proc/${id}/stat`).split(") ")[1]?.[0];
        return state !== "Z" && Deno.readTextFileSync(`/proc/${id}/environ`).includes(text);
      } catch {
        return false; // ended in between
      }
    });
}

/** A path beside this file. */
export function beside(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
