/**
 * The project's deno.lock. Deno adds what a module of elsewhere needs to it, as soon as that is loaded; what a person's own
 * configuration names isn't part of the project, so the file gets its text back.
 * @module
 */
import { fileURLToPath } from "node:url";

import { writeFileAtomicSync } from "../../../formats/atomic.ts";
import { doorMessage, isBehindDoor } from "../process/behind_door.ts";

/** Text of the lock file from the constructor on. */
export class ProjectLock {
  readonly #path: string | null;
  readonly #text: string | null;

  constructor(root: URL = new URL("../../../", import.meta.url)) {
    this.#path = root.protocol === "file:" ? fileURLToPath(new URL("deno.lock", root)) : null;
    this.#text = this.#read();
  }

  /** Gives the file its text back if it has another one now; behind a door, which may not write there, the door does so. */
  restore(): void {
    if (this.#path === null || this.#text === null || this.#read() === this.#text) return;
    if (isBehindDoor()) return doorMessage({ lock: true });
    writeFileAtomicSync(this.#path, this.#text);
  }

  #read(): string | null {
    try {
      return this.#path === null ? null : Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }
}
