/**
 * metrics.csv: one line a value, `step,epoch,name,value`, which spreadsheets, pandas and MLflow's import take as it is.
 * @module
 */
import { join } from "@std/path";

import { appendLine } from "../../../../formats/append.ts";
import { writeFileAtomicSync } from "../../../../formats/atomic.ts";
import type { Report, Reporter } from "./reporter.ts";

/**
 * A reporter that writes `metrics.csv` in a directory that exists. Names are tags such as "train/loss".
 * @throws {Error} (of `append`) If it wasn't started
 */
export function csvReporter(directory: string): Reporter {
  const path = join(directory, "metrics.csv");
  let started = false;
  return {
    get path() {
      return started ? path : null;
    },
    rewrite(reports) {
      writeFileAtomicSync(path, "step,epoch,name,value\n" + reports.map(csvLines).join(""));
      started = true;
    },
    append(report) {
      if (!started) throw new Error("Cannot append to metrics.csv as it wasn't started");
      const lines = csvLines(report);
      if (lines !== "") appendLine(path, lines.trimEnd());
    },
  };
}

/** A name with a comma, quote or line break is quoted (RFC 4180). */
function csvLines({ step, epoch, values }: Report): string {
  const quoted = (name: string) => /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
  return Object.entries(values).filter(([name]) => name !== "train/epoch").map(([name, value]) =>
    `${step},${epoch},${quoted(name)},${value}\n`
  ).join(
    "",
  );
}
