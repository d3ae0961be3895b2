/**
 * Values of a graph: tensors whose sizes may be symbolic.
 * @module
 */

/** Size of an axis: a number, or the name of a size that is known only when the program runs, such as "T". */
export type Size = number | string;

/** A tensor in a graph. */
export interface Value {
  /** Unique within its graph. */
  readonly id: number;
  /** Sizes, outermost first. */
  readonly shape: readonly Size[];
  /** Type of its elements. */
  readonly type: "f32" | "i32";
}

/** Entries by value of a graph, such as names in a lowering. */
export class ValueMap<T> {
  readonly #byId = new Map<number, T>();

  /** Number of entries. */
  get size(): number {
    return this.#byId.size;
  }

  /** Entry of a value. @throws {RangeError} If there is none: the graph uses a value before it is made. */
  of(value: Value): T {
    const found = this.#byId.get(value.id);
    if (found === undefined) {
      throw new RangeError(`Cannot use value ${value.id} of shape [${value.shape}]: nothing made it before`);
    }
    return found;
  }

  /** Entry of a value, if any. */
  find(value: Value): T | undefined {
    return this.#byId.get(value.id);
  }

  /** Sets the entry of a value; an earlier one is replaced. */
  set(value: Value, found: T): void {
    this.#byId.set(value.id, found);
  }
}
