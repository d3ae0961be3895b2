/**
 * Tests aimed by environment variables: `KERNEL=rms_norm SAMPLE="eps matters" BACKENDS=webgpu deno test -A
 * kernels/contract_test.ts` runs one kernel on one sample on one backend.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";
import type { Kernel, Sample } from "../kernel.ts";

/** Environment variables that choose kernels and samples; absent or empty: all. */
export interface Aim {
  /** Names, comma-separated. */
  KERNEL?: string | undefined;
  /** A part of a sample's note, in any case. */
  SAMPLE?: string | undefined;
}

/** A kernel and those of its samples that are tested. */
export interface AimedKernel {
  kernel: Kernel;
  samples: readonly Sample[];
}

/**
 * The kernels and samples that are aimed at.
 * @throws {RangeError} If a variable matches nothing; the message has the nearest name.
 */
export function targets(
  kernels: readonly Kernel[],
  { KERNEL, SAMPLE = "" }: Aim = { KERNEL: Deno.env.get("KERNEL"), SAMPLE: Deno.env.get("SAMPLE") },
): AimedKernel[] {
  const names = listed("KERNEL", KERNEL, kernels.map(({ name }) => name)),
    wanted = SAMPLE.trim().toLowerCase();
  const chosen = kernels.filter(({ name }) => names.length === 0 || names.includes(name));
  const found = chosen.map((kernel) => ({
    kernel,
    samples: kernel.samples.filter(({ note }) => note.toLowerCase().includes(wanted)),
  })).filter(({ samples }) => samples.length > 0);
  if (found.length) return found;
  const notes = [...new Set(chosen.flatMap(({ samples }) => samples.map(({ note }) => note)))];
  throw new RangeError(
    `Cannot aim tests by SAMPLE: no sample of ${
      names.join(", ") || "any kernel"
    } has "${SAMPLE}" in its note` +
      `${didYouMean(SAMPLE, notes)}; known are ${notes.map((note) => `"${note}"`).join(", ")}`,
  );
}

/**
 * Names of a comma-separated variable; none when it is absent or empty.
 * @throws {RangeError} If one isn't known; the message has the nearest name.
 */
export function listed(variable: string, value: string | undefined, known: readonly string[]): string[] {
  const names = (value ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new RangeError(
      `Cannot aim tests by ${variable}: "${name}" is unknown${didYouMean(name, known)}; known are ${
        known.join(", ")
      }`,
    );
  }
  return names;
}

/**
 * The result of `aim`, for the top of a test file. Where a variable matches nothing, its message alone is printed and the file ends.
 * @throws Whatever `aim` throws that isn't a RangeError
 */
export async function orExit<T>(aim: () => T | Promise<T>): Promise<T> {
  try {
    return await aim();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
