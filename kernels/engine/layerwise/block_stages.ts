/**
 * A block cut where quantisation stops: programs that give second moments of its modules' inputs, and that carry rows on to the next cut.
 * All are parts of the block's own graph, so they hold for every family.
 * @module
 */
import { entryOf, item, valueOf } from "../../../formats/elements.ts";
import { type Graph, GraphBuilder, prune, type Value, withUsedInputs } from "../../graph.ts";
import { matmulTn } from "../../ops/products/products.ts";
import { blockGraph } from "../decoder/block_graph.ts";
import { modulesByInput } from "../decoder/decoder.ts";
import type { DecoderConfig, LayerAttention } from "../decoder/decoder_config.ts";
import { normsOf } from "../decoder/norms.ts";

/**
 * Programs of a block, T rows. `moments` is xᵀx of the input x of the modules of {@linkcode modulesByInput} with that index.
 * Inputs are as {@linkcode blockGraph}'s, those that a part uses.
 */
export interface BlockStages {
  /** From `x`: `moments` of 0. */
  norm: Graph;
  /** From `x`: `o` `[T, heads · head]`, what attention gives, and `moments` of 1. */
  attention: Graph;
  /** From `x` and `o`: `middle [T, D]`, the rows behind attention's sum, and `moments` of 2. */
  middle: Graph;
  /** From `middle`: `moments` of 3. */
  gated: Graph;
  /** From `middle`: `y [T, D]`. */
  end: Graph;
}

/** Cuts a block. @param attention As of {@linkcode blockGraph} */
export function blockStages(config: DecoderConfig, attention: LayerAttention): BlockStages {
  const graph = blockGraph(config, attention);
  const inputs = modulesByInput(config).map((modules) =>
    userOf(graph, "w", entryOf(graph.inputs, `${item(modules, 0)}.weight`))
  );
  const x = entryOf(graph.inputs, "x"), o = item(inputs, 1);
  const { before } = normsOf(config).mlp;
  const middle = before === null
    ? item(inputs, 2)
    : userOf(graph, "weight", entryOf(graph.inputs, `${before}.weight`));
  const part = (
    from: Record<string, Value>,
    outputs: Record<string, Value>,
    at?: number,
  ): Graph => {
    const g = new GraphBuilder(withGiven(graph, from));
    const input = at === undefined ? undefined : item(inputs, at);
    const moments = input && { moments: g.run(matmulTn, { a: input, b: input }).y };
    return withUsedInputs(prune({ inputs: g.inputs, nodes: g.nodes, outputs: { ...outputs, ...moments } }));
  };
  return {
    norm: part({ x }, {}, 0),
    attention: part({ x }, { o }, 1),
    middle: part({ x, o }, { middle }, 2),
    gated: part({ middle }, {}, 3),
    end: part({ middle }, { y: entryOf(graph.outputs, "y") }),
  };
}

/** The other input, `x`, of the node that has `value` as its input `name`. */
function userOf({ nodes }: Graph, name: string, value: Value): Value {
  const users = nodes.filter(({ inputs }) => inputs[name]?.id === value.id);
  return valueOf(new Map(users.map(({ inputs }) => [name, entryOf(inputs, "x")])), name);
}

/** The graph with values that it computes as inputs in place of that. */
function withGiven(graph: Graph, from: Readonly<Record<string, Value>>): Graph {
  const given = new Set(Object.values(from).map(({ id }) => id));
  const nodes = graph.nodes.filter(({ outputs }) => !Object.values(outputs).some(({ id }) => given.has(id)));
  return { inputs: { ...graph.inputs, ...from }, nodes, outputs: {} };
}
