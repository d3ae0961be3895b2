/**
 * Places of a plan's values: which there are, how large each is, and until when it is needed.
 * @module
 */
import { elements } from "../../../backend.ts";
import { type Graph, type Node, type Value, ValueMap } from "../../../graph.ts";
import { concreteShape } from "../../../sizes.ts";
import { bytesOf } from "../device/tensor.ts";

/** Index of every value, inputs first. */
function slotsOf(graph: Graph): ValueMap<number> {
  const slots = new ValueMap<number>();
  for (const value of valuesOf(graph)) slots.set(value, slots.size);
  return slots;
}

function valuesOf(graph: Graph): Value[] {
  return [...Object.values(graph.inputs), ...graph.nodes.flatMap((node) => Object.values(node.outputs))];
}

/** What {@linkcode Slots} are made for. */
export interface SlotsRequest {
  graph: Graph;
  /** Of the program, for errors. */
  name: string;
  sizes: ReadonlyMap<string, number>;
  /** Graph inputs that lie in memory as float16. */
  halves: ReadonlySet<string>;
}

/** Memory of a plan's values: slots of the graph's values, then of temporaries. */
export class Slots {
  /** Bytes of each slot. */
  readonly bytes: number[] = [];
  readonly half: ReadonlySet<number>;
  readonly ofGraph: ValueMap<number>;

  constructor({ graph, name, sizes, halves }: SlotsRequest) {
    this.ofGraph = slotsOf(graph);
    const inputs = Object.entries(graph.inputs).filter(([key]) => halves.has(key));
    this.half = new Set(inputs.map(([, value]) => this.ofGraph.of(value)));
    for (const [key, value] of Object.entries(graph.outputs)) {
      if (this.isHalf(value)) {
        throw new TypeError(`Cannot copy float16 storage to output "${key}" of program ${name}`);
      }
    }
    this.bytes = valuesOf(graph).map((value) =>
      bytesOf(elements(concreteShape(value, sizes)), this.isHalf(value))
    );
  }

  isHalf(value: Value): boolean {
    return this.half.has(this.ofGraph.of(value));
  }

  /** A slot for a temporary of so many elements. */
  temporary(count: number): number {
    return this.bytes.push(4 * count) - 1;
  }

  bytesOf(slot: number): number {
    const bytes = this.bytes[slot];
    if (bytes === undefined) throw new RangeError(`Cannot size slot ${slot}: there are ${this.bytes.length}`);
    return bytes;
  }
}

/** The node that uses each value last; its own for a value that nothing uses. */
function lastUses(graph: Graph): ValueMap<Node> {
  const last = new ValueMap<Node>();
  for (const node of graph.nodes) {
    for (const value of [...Object.values(node.outputs), ...Object.values(node.inputs)]) {
      last.set(value, node);
    }
  }
  return last;
}

/** Where values of a graph die. */
export class Lifetimes {
  readonly #last: ValueMap<Node>;
  readonly #escaping: ReadonlySet<number>;

  constructor(graph: Graph) {
    const escaping = [...Object.values(graph.inputs), ...Object.values(graph.outputs)];
    this.#last = lastUses(graph);
    this.#escaping = new Set(escaping.map(({ id }) => id));
  }

  /** True if nothing needs a value behind a node, and the graph gives it to nobody. */
  endAt(value: Value, node: Node): boolean {
    return this.#last.of(value) === node && !this.#escaping.has(value.id);
  }
}
