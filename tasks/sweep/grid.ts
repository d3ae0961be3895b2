/**
 * The grid of a sweep: `key=a,b,c` arguments, all combinations of them, a folder each.
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";

/** One key and its values, as written. */
export interface GridAxis {
  /** Key of the training. */
  key: string;
  /** Values, in order. */
  values: string[];
}

/** One training of a grid. */
export interface GridCell {
  /** Values of the keys that vary, such as `learning_rate=1e-4,seed=0`. */
  name: string;
  /** Name without the seed: cells that differ in it only are one setting. */
  setting: string;
  /** `key=value` arguments. */
  overrides: string[];
  /** Values of the keys that vary. */
  values: Record<string, string>;
  /** Output folder. */
  directory: string;
}

/** Cells at most; more are a slip of the hand. */
const MOST_CELLS = 1000;

/**
 * Splits at commas outside of brackets and quotes.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { splitValues } from "./grid.ts";
 *
 * assertEquals(splitValues("1e-4, 5e-5"), ["1e-4", "5e-5"]);
 * assertEquals(splitValues("[q_proj,v_proj],all"), ["[q_proj,v_proj]", "all"]);
 * ```
 */
export function splitValues(text: string): string[] {
  const parts: string[] = [];
  let depth = 0, quote = "", start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quote !== "") quote = c === quote ? "" : quote;
    else if (c === '"' || c === "'") quote = c;
    else if ("[{".includes(c)) depth++;
    else if ("]}".includes(c)) depth--;
    else if (c === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim());
}

/**
 * Reads the arguments of a sweep.
 * @param overrides `key=value` or `key=a,b,c`, in order
 * @param seeds Value of `--seeds`, such as `0,1`; undefined: the file's
 * @throws {RangeError} If a value is empty or there twice, a key is, or a key is the sweep's own
 */
export function readAxes(overrides: readonly string[], seeds: string | undefined): GridAxis[] {
  const axes = overrides.map((override) => {
    const equals = override.indexOf("=");
    return { key: override.slice(0, equals), values: splitValues(override.slice(equals + 1)) };
  });
  if (seeds !== undefined) axes.push({ key: "seed", values: splitValues(seeds) });
  const seen = new Set<string>();
  for (const { key, values } of axes) {
    const fault = (why: string) =>
      new RangeError(`Cannot sweep over ${key} as ${why}: current value is ${values.join(",")}`);
    if (["output_dir", "resume_from_checkpoint", "overwrite_output_dir"].includes(key)) {
      throw fault("the sweep gives each cell a folder of its own; --out says where");
    }
    if (seen.has(key)) {
      throw new RangeError(`Cannot sweep over ${key} twice: write all of its values in one argument`);
    }
    seen.add(key);
    if (values.includes("")) throw fault("a value is needed on both sides of each comma");
    if (new Set(values.map(canonical)).size < values.length) throw fault("a value stands there twice");
    if (key === "seed" && values.some((value) => !/^\d+$/.test(value))) {
      throw fault("seeds are whole numbers");
    }
  }
  return axes;
}

/** One text for each number: `1e-4` and `0.0001` are one value. */
function canonical(value: string): string {
  return value !== "" && Number.isFinite(Number(value)) ? String(Number(value)) : value;
}

/**
 * All combinations; the last axis changes fastest.
 * @param out Folder of the sweep
 * @throws {RangeError} If there are too many
 */
export function cellsOf(axes: readonly GridAxis[], out: string): GridCell[] {
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > MOST_CELLS) {
    throw new RangeError(`Cannot sweep over more than ${MOST_CELLS} cells: current value is ${count}`);
  }
  let combinations: Record<string, string>[] = [{}];
  for (const { key, values } of axes) {
    combinations = combinations.flatMap((before) => values.map((value) => ({ ...before, [key]: value })));
  }
  const varying = axes.filter(({ values }) => values.length > 1).map(({ key }) => key);
  return combinations.map((all) => {
    const text = (keys: readonly string[]) => keys.map((key) => `${key}=${all[key]}`).join(",") || "only";
    const name = text(varying);
    return {
      name,
      setting: text(varying.filter((key) => key !== "seed")),
      overrides: Object.entries(all).map(([key, value]) => `${key}=${value}`),
      values: Object.fromEntries(varying.map((key) => [key, all[key] ?? ""])),
      directory: join(out, folderName(name)),
    };
  });
}

/** What a person may not have meant: a grid of one cell. */
export function gridNotes(cells: readonly GridCell[]): string[] {
  return cells.length === 1
    ? [
      "note: no key has several values, so this is one training: key=a,b (or --seeds 0,1) makes a grid of them, and " +
      "deno task train makes one without a table",
    ]
    : [];
}

/** A name of a folder that every file system takes; what had to be changed or cut ends in a hash. */
function folderName(name: string): string {
  const safe = name.replaceAll(/[^\w.=,+-]/g, "_").slice(0, 100);
  return safe === name ? name : `${safe}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}
