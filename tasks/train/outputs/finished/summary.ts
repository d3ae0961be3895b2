/**
 * Closing text of a run: the loss curve, the files, and what to type next.
 * @module
 */
import asciichart from "asciichart";

import { join } from "@std/path";

import { item, lastOf } from "../../../../formats/elements.ts";
import { alignedRows } from "../../../common/report/table.ts";
import { smooth } from "../plots/smooth.ts";

/** Content of {@linkcode summaryText}. */
export interface Summary {
  /** As the user wrote it. */
  outputDir: string;
  /** `log_history`. */
  history: readonly Readonly<Record<string, number>>[];
  /** Files in the output directory. */
  files: readonly { name: string; what: string }[];
  /** Commands to type next, with what they do. */
  next: readonly { command: string; what: string }[];
  /** Width of the terminal in characters; 80 by default. */
  columns?: number;
}

/** The closing text of a run: curve, files, next commands. Parts with nothing to show are left out. */
export function summaryText(summary: Summary): string {
  const { outputDir, history, files, next, columns = 80 } = summary;
  const parts: string[] = [];
  const curve = curveText(history, columns);
  if (curve !== "") parts.push(curve);
  if (files.length > 0) {
    const rows = files.map(({ name, what }) => [name, sizeText(join(outputDir, name)), what]);
    const lines = alignedRows(rows, ["left", "right", "left"]);
    parts.push([`Written to ${outputDir}`, ...lines.map((line) => `  ${line}`)].join("\n"));
  }
  if (next.length > 0) {
    parts.push(["Next", ...next.flatMap(({ command, what }) => [`  # ${what}`, `  ${command}`])].join("\n"));
  }
  return parts.join("\n\n") + "\n";
}

/** Writes {@linkcode summaryText}, to standard output by default. */
export function printSummary(summary: Summary, write: (text: string) => void = console.log): void {
  write("\n" + summaryText(summary));
}

/** The smoothed loss as a chart of eight lines, at most `columns` wide; "" with fewer than two logs. */
export function curveText(history: readonly Readonly<Record<string, number>>[], columns: number): string {
  const logs = history.filter((entry) => entry.loss !== undefined);
  if (logs.length < 2) return "";
  const losses = smooth(logs.map((entry) => entry.loss!));
  const width = Math.max(10, columns - 14);
  const points = resample(losses, width);
  // more losses than a call takes arguments
  const [low, high] = [losses.reduce((a, b) => Math.min(a, b)), losses.reduce((a, b) => Math.max(a, b))];
  const digits = axisDigits(low, high);
  // asciichart draws a curve without a range at the foot of an axis of its own making.
  const chart = digits === null
    ? `${low.toPrecision(4).padStart(10)} ┼${"─".repeat(width)}`
    : asciichart.plot(points, {
      height: 7,
      format: (value: number) => value.toPrecision(digits).padStart(10),
    });
  const [first, last] = [item(logs, 0), lastOf(logs)];
  const shown = (value: number) => value.toPrecision(digits ?? 4);
  const title = `Loss (smoothed): ${shown(item(losses, 0))} at step ${first.step}, ` +
    `${shown(lastOf(losses))} at step ${last.step}`;
  return `${title}\n${chart}`;
}

/** Digits with which the marks of an axis of eight lines differ; null where there is nothing to tell apart. */
function axisDigits(low: number, high: number): number | null {
  const step = (high - low) / 7, size = Math.max(Math.abs(low), Math.abs(high));
  if (!(step > size * 1e-7)) return null;
  return Math.max(4, Math.min(9, 1 + Math.ceil(Math.log10(size / step))));
}

/** `count` means of equal stretches where there are more values, else values repeated to fill the width. */
function resample(values: readonly number[], count: number): number[] {
  const n = values.length;
  return Array.from({ length: count }, (_, i) => {
    if (n <= count) {
      const place = i * (n - 1) / (count - 1);
      const [low, high] = [
        item(values, Math.floor(place)),
        item(values, Math.min(n - 1, Math.floor(place) + 1)),
      ];
      return low + (high - low) * (place - Math.floor(place));
    }
    const part = values.slice(Math.floor(i * n / count), Math.floor((i + 1) * n / count));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function sizeText(path: string): string {
  let size: number;
  try {
    const found = Deno.statSync(path);
    if (found.isDirectory) return "";
    size = found.size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}
