/**
 * Applies {@linkcode CompileOptions}, for backends whose tensors stay where they are.
 * @module
 */
import type { CompileOptions, Program } from "../backend.ts";
import { type Graph, prune, withUsedInputs } from "../graph.ts";

/** The graph without its optional outputs and what only they need. */
export function requiredGraph(graph: Graph, optional: readonly string[] = []): Graph {
  if (optional.length === 0) return graph;
  const outputs = Object.entries(graph.outputs).filter(([name]) => !optional.includes(name));
  return withUsedInputs(prune({ ...graph, outputs: Object.fromEntries(outputs) }));
}

/** A program that binds constants to each run and has another one for runs without the optional outputs. */
export function programWith(
  make: (graph: Graph, name: string) => Program,
  graph: Graph,
  name: string,
  { constants = {}, optional = [] }: CompileOptions = {},
): Program {
  const all = make(graph, name);
  const required = optional.length ? make(requiredGraph(graph, optional), name) : all;
  return {
    run: (inputs, into, wanted = true) => (wanted ? all : required).run({ ...inputs, ...constants }, into),
    dispose: async () => {
      await all.dispose();
      if (required !== all) await required.dispose();
    },
  };
}
