/**
 * How trained tensors lie in memory for an optimizer: those of one learning rate and one decay side by side as a matrix where a backend's tensors may be
 * parts of others, so that a few dispatches step them all; elsewhere each alone.
 * @module
 */
import { elements } from "../../backend.ts";
import { rateFactor, takesWeightDecay } from "./parameter_groups.ts";

/** Columns of tensors that lie side by side; each begins with a row, at a multiple of 256 bytes, and the rest of its last row is zero. */
const COLUMNS = 64;
/** Elements that lie side by side at most, 128 MiB: what WebGPU promises for a binding. A larger tensor is alone. */
const MOST = 2 ** 25;

/** What is stepped as one tensor. */
export interface Stretch {
  /** Of the tensor that it is alone, in full; a number where several lie side by side. */
  readonly name: string;
  /** Sizes as one tensor. */
  readonly shape: readonly number[];
  /** True if it is decayed. */
  readonly decay: boolean;
  /** True if LoRA+ gives it a learning rate of its own. */
  readonly ownRate: boolean;
  /** Its tensors, and the element that each begins at. */
  readonly parts: readonly StretchPart[];
}

/** A tensor of a {@linkcode Stretch}. */
export interface StretchPart {
  readonly name: string;
  readonly shape: readonly number[];
  /** Element of the stretch. */
  readonly first: number;
}

/**
 * Stretches of tensors.
 * @param shapes By name
 * @param sideBySide False: each tensor alone
 */
export function stretchesOf(shapes: ReadonlyMap<string, readonly number[]>, sideBySide: boolean): Stretch[] {
  const done: Stretch[] = [], open = new Map<string, Stretch>();
  for (const [name, shape] of shapes) {
    const kind = { decay: takesWeightDecay(name), ownRate: rateFactor(name, { ratioOfB: 2 }) !== 1 };
    if (!sideBySide) {
      done.push({ name, shape, ...kind, parts: [{ name, shape, first: 0 }] });
      continue;
    }
    const key = JSON.stringify(kind), before = open.get(key), first = before ? elements(before.shape) : 0;
    const rows = Math.ceil(elements(shape) / COLUMNS);
    const joins = before && first + COLUMNS * rows <= MOST;
    const part = { name, shape, first: joins ? first : 0 };
    const stretch = {
      name: joins ? before.name : String(done.length),
      shape: [(joins ? first / COLUMNS : 0) + rows, COLUMNS],
      ...kind,
      parts: joins ? [...before.parts, part] : [part],
    };
    if (joins) done[done.indexOf(before)] = stretch;
    else done.push(stretch);
    open.set(key, stretch);
  }
  return done;
}
