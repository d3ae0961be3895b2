/**
 * The folder of a finished run that is run again.
 * @module
 */
import { exists } from "../../formats/exists.ts";

/** `DIRECTORY-again`, or with a number behind it, whichever isn't there yet. */
export function freeName(directory: string): string {
  const clean = directory.replace(/[/\\]+$/, "");
  for (let count = 1;; count++) {
    const name = `${clean}-again${count === 1 ? "" : `-${count}`}`;
    if (!exists(name)) return name;
  }
}
