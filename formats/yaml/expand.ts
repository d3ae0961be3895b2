/**
 * Plain values of a parsed YAML document: aliases, merge keys and includes put in, within bounds.
 * @module
 */
import { isAlias, isMap, isScalar, isSeq, type Node } from "yaml";

import { valueOf } from "../elements.ts";
import { keyOf, type Parsed, placeOf } from "./document.ts";
import { YamlError } from "./place.ts";

/** Values that aliases and includes may add up to; every value that is written out itself is bounded by its file. */
const MAX_VALUES = 100_000;

/**
 * The value of a document; undefined when it is empty.
 * @throws {SyntaxError} If an anchor holds itself, or aliases add up to more than 100,000 values; names the place
 */
export function expand(parsed: Parsed): unknown {
  return new Expansion().value(parsed, parsed.document.contents);
}

class Expansion {
  /** Anchors that are being expanded. */
  readonly #open = new Set<Node>();
  /** The alias outside of all others that is being expanded. */
  #outer: { parsed: Parsed; node: Node } | null = null;
  #values = 0;

  value(parsed: Parsed, node: unknown): unknown {
    if (node === null || node === undefined) return node === null ? undefined : null;
    if (this.#outer && ++this.#values > MAX_VALUES) {
      const { parsed, node } = this.#outer;
      throw fault(parsed, node, `its aliases add up to more than ${MAX_VALUES} values`);
    }
    if (isAlias(node)) {
      const target = valueOf(parsed.aliases, node);
      if (this.#open.has(target)) {
        throw fault(parsed, node, `the anchor &${node.source.slice(0, 80)} holds itself`);
      }
      const before = this.#outer;
      this.#outer ??= { parsed, node };
      const value = this.value(parsed, target);
      this.#outer = before;
      return value;
    }
    this.#open.add(node as Node);
    const value = this.#written(parsed, node);
    this.#open.delete(node as Node);
    return value;
  }

  #written(parsed: Parsed, node: unknown): unknown {
    if (isSeq(node)) return node.items.map((item) => this.value(parsed, item) ?? null);
    if (isScalar(node)) {
      const included = parsed.includes.get(node);
      return included ? this.value(included, included.document.contents) ?? null : node.value;
    }
    if (!isMap(node)) return null;
    const value: Record<string, unknown> = {};
    for (const pair of node.items) {
      const key = keyOf(pair.key);
      const item = this.value(parsed, pair.value) ?? null;
      if (key === "<<") this.#merge(value, item, parsed, pair.key as Node);
      else set(value, key, item);
    }
    return value;
  }

  /** `<<: *x`, or `<<: [*x, *y]`: keys that aren't there yet. */
  #merge(value: Record<string, unknown>, item: unknown, parsed: Parsed, key: Node): void {
    for (const merged of Array.isArray(item) ? item : [item]) {
      if (merged === null) continue;
      if (typeof merged !== "object" || Array.isArray(merged)) {
        throw fault(parsed, key, "<< needs a map, or a list of maps");
      }
      for (const [name, part] of Object.entries(merged)) {
        if (!Object.hasOwn(value, name)) set(value, name, part);
      }
    }
  }
}

function fault(parsed: Parsed, node: Node, what: string): YamlError {
  return new YamlError(placeOf(parsed, node), what);
}

/** Assigns without running a `__proto__` setter. */
function set(value: Record<string, unknown>, key: string, item: unknown): void {
  Object.defineProperty(value, key, { value: item, writable: true, enumerable: true, configurable: true });
}
