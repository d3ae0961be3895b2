/**
 * A compiled program with the names that runs need, and gradients that add up over runs.
 * @module
 */
import { entryOf } from "../../../formats/elements.ts";
import type { Backend, CompileOptions, Program, Tensor } from "../../backend.ts";
import { type Graph, GraphBuilder } from "../../graph.ts";
import { addOfRank } from "../../ops/arithmetic/add.ts";
import type { Parameters } from "../weights/parameters.ts";

/** A program and the names of its inputs (constants are none) and outputs. */
export interface Compiled {
  program: Program;
  inputs: readonly string[];
  outputs: readonly string[];
}

/** `d.X` becomes `acc.X + d.X` for each of the names: gradients add up over packs inside the program. */
export function accumulating(graph: Graph, names: readonly string[]): Graph {
  const g = new GraphBuilder(graph);
  const outputs = { ...graph.outputs };
  for (const name of names) {
    const gradient = entryOf(outputs, `d.${name}`);
    const before = g.input(`acc.${name}`, gradient.shape);
    outputs[`d.${name}`] = g.run(addOfRank(gradient.shape.length), { a: before, b: gradient }).y;
  }
  return g.finish(outputs);
}

/** Compiles a graph and notes the names that runs need. */
export async function compileGraph(
  backend: Backend,
  graph: Graph,
  name: string,
  options: CompileOptions = {},
): Promise<Compiled> {
  return {
    program: await backend.compile(graph, name, options),
    inputs: Object.keys(graph.inputs).filter((input) => !options.constants?.[input]),
    outputs: Object.keys(graph.outputs),
  };
}

/**
 * Runs with what the program takes among the given tensors.
 * @param settings.into Tensors that outputs are written to
 * @param settings.optional false: without its optional outputs
 */
export function runProgram(
  compiled: Compiled,
  given: Readonly<Record<string, Tensor>>,
  { into = {}, optional = true }: { into?: Readonly<Record<string, Tensor>>; optional?: boolean } = {},
): Promise<Record<string, Tensor>> {
  const inputs: Record<string, Tensor> = {};
  for (const name of compiled.inputs) if (given[name]) inputs[name] = given[name];
  return compiled.program.run(inputs, into, optional);
}

/** Runs a program that adds to gradients; `names` maps its inputs to trained tensors. */
export async function accumulate(
  parameters: Parameters,
  compiled: Compiled,
  names: Readonly<Record<string, string>>,
  given: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const pairs = Object.entries(names);
  const sums = Object.fromEntries(
    pairs.map(([name, full]) => [`acc.${name}`, parameters.tuned.gradient(full)]),
  );
  const into: Record<string, Tensor> = {};
  for (const [name, full] of pairs) {
    const place = parameters.tuned.gradientPlace(full);
    if (place) into[`d.${name}`] = place;
  }
  const result = await runProgram(compiled, { ...given, ...sums }, { into });
  for (const [name, full] of pairs) parameters.tuned.setGradient(full, entryOf(result, `d.${name}`));
  return result;
}
