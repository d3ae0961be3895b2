/**
 * Names of the columns of parquet and Arrow files.
 * @module
 */
import { shown } from "../message.ts";

/** @throws {Error} If two columns have one name */
export function refuseRepeatedColumns(names: readonly string[]): void {
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated === undefined) return;
  throw new Error(`two columns have the name ${shown(repeated)}, and only one could be read. Rename one`);
}
