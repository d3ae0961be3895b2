/**
 * Benches as commands: flags, and their values' way to what is measured.
 * @module
 */
import type { Arguments } from "../../common/cli/arguments.ts";
import { flagNumber } from "../flag_values.ts";
import type { BenchView } from "../view.ts";

/** Result of a bench, and the same as text. */
export interface BenchOutcome {
  found: unknown;
  text: string;
  /** True if something was wrong beside slow. */
  failed?: boolean;
}

/** One bench. */
export interface BenchCommand {
  /** Its words after `deno task bench`. */
  example: string;
  /** Explanations of the flags by their names. */
  flags: Readonly<Record<string, string>>;
  /**
   * Measures.
   * @throws {RangeError} If a flag's value is none that it takes
   */
  run(given: Arguments, view: BenchView): Promise<BenchOutcome>;
}

/** Execution providers of the onnx backend; the first where none is given. */
export const PROVIDERS = ["cpu", "cuda", "webgpu"] as const;
/** Explanation of the flag that takes one. */
export const PROVIDER = "of onnx: cpu (default), cuda or webgpu";

/** Threads of the onnx backend; null: OMP_NUM_THREADS, or one per core. */
export function threads(given: Arguments): number | null {
  return given.flags.has("threads") ? flagNumber(given, "threads") : null;
}
