/**
 * Variables of a template.
 * @module
 */
import type { JinjaValue } from "./values.ts";

/** Variables of a block; inner ones are forgotten at its end. */
export class Scope {
  readonly #values = new Map<string, JinjaValue>();
  constructor(readonly parent: Scope | null) {}

  /** The value of the innermost variable of that name. */
  get(name: string): JinjaValue | undefined {
    // null is a value too
    const value = this.#values.get(name);
    return value === undefined ? this.parent?.get(name) : value;
  }

  /** Sets a variable of this block. */
  set(name: string, value: JinjaValue): void {
    this.#values.set(name, value);
  }
}
