/**
 * A graph as a session of ONNX Runtime.
 * @module
 */
import type { CompileOptions, Program, Tensor } from "../../backend.ts";
import { fuseSums } from "../../fuse.ts";
import { fused } from "../../fuse_lora.ts";
import type { Graph, Value } from "../../graph.ts";
import type { HalfInputs, WidenedType } from "../../onnx_node.ts";
import { indexCheck } from "../indices.ts";
import { requiredGraph } from "../options.ts";
import { bindSizes, concreteShape } from "../../sizes.ts";
import { byteInputs, lowerToOnnx, WANTED } from "./lower.ts";
import { type ModelSession, type OnnxWay, providerHint, type SessionSettings } from "./sessions.ts";
import type { TensorStore } from "./store.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

/** Where programs run. */
export interface ProgramPlace {
  way: OnnxWay;
  store: TensorStore;
  settings: SessionSettings;
  /** True if attention loops over chunks of queries. */
  loops: boolean;
  /** True if sums are made where their first term stands. */
  inPlace: boolean;
  /** Whether sessions have the operators of kernels/native. */
  native: boolean;
  /** Form that frozen matrices are rounded to, and operands of their products; null: they aren't. */
  half: Pick<HalfInputs, "type" | "native"> | null;
  /** True if any tensor isn't 32 bits a number: which inputs of a program aren't shows when it first runs. */
  hasNarrow(): boolean;
}

/**
 * Compiles a graph.
 * @throws {Error} If ONNX Runtime can't make the session; the message says for which provider.
 */
export async function compile(
  graph: Graph,
  name: string,
  place: ProgramPlace,
  { constants = {}, optional = [] }: CompileOptions = {},
): Promise<Program> {
  const { store, settings: { provider } } = place;
  const sessions = new Map<string, Promise<ModelSession>>();
  /** The session for inputs of these types, which are known when the program runs. */
  const sessionFor = (tensors: Readonly<Record<string, Tensor>>): Promise<ModelSession> => {
    const halves = new Map<string, WidenedType>();
    for (const input of Object.keys(graph.inputs)) {
      const stored = (tensors[input] as OnnxTensor | undefined)?.stored;
      if (stored && stored !== "f32" && stored !== "i32") halves.set(input, stored);
    }
    const key = [...halves].join("\n"), known = sessions.get(key);
    if (known) return known;
    const made = makeSession(graph, name, place, { constants, optional, halves });
    sessions.set(key, made);
    made.catch(() => sessions.delete(key));
    return made;
  };
  if (!place.hasNarrow()) await sessionFor({});
  const given = withoutInputs(graph, constants);
  const required = withoutInputs(requiredGraph(graph, optional), constants);
  const extent = (tensor: OnnxTensor) => tensor.extent;
  const checks = { all: indexCheck(name, given, extent), required: indexCheck(name, required, extent) };
  return {
    async run(inputs, into = {}, wanted = true) {
      const wantedGraph = wanted ? given : required;
      const sizes = bindSizes(name, wantedGraph, inputs);
      checks[wanted ? "all" : "required"](inputs, sizes);
      const feeds: Record<string, OnnxTensor> = {};
      for (const [key, value] of Object.entries(given.inputs)) {
        feeds[key] = key in wantedGraph.inputs ? inputs[key] as OnnxTensor : nothing(value);
      }
      const results: Record<string, OnnxTensor> = {}, fetches: Record<string, OnnxTensor> = {};
      for (const [key, value] of Object.entries(wantedGraph.outputs)) {
        const tensor = into[key] as OnnxTensor | undefined ??
          store.allocate(concreteShape(value, sizes), value.type);
        results[key] = tensor;
        fetches[`out.${key}`] = tensor;
      }
      const session = await sessionFor({ ...inputs, ...constants });
      try {
        await session.run(feeds, fetches, optional.length ? { name: WANTED, value: wanted } : null);
      } catch (error) {
        const memory = provider === "cpu"
          ? ""
          : " (if it is out of memory, lower micro_batch_tokens or cutoff_len of a training)";
        throw new Error(
          `Cannot run program ${name} on ONNX Runtime provider "${provider}"${memory}: ${reasonOf(error)}`,
          { cause: error },
        );
      }
      return results;
    },
    dispose: async () => {
      for (const session of sessions.values()) await (await session).dispose();
    },
  };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}

/** The graph as a run is given it: sizes are bound by what isn't constant. */
function withoutInputs(graph: Graph, constants: Readonly<Record<string, Tensor>>): Graph {
  const inputs = Object.entries(graph.inputs).filter(([name]) => !constants[name]);
  return { ...graph, inputs: Object.fromEntries(inputs) };
}

/** A tensor without elements, for an input that isn't needed. */
function nothing({ type, shape }: Value): HostTensor {
  return new HostTensor(type === "i32" ? new Int32Array(0) : new Float32Array(0), shape.map(() => 0), null);
}

async function makeSession(
  graph: Graph,
  name: string,
  { way, store, settings, loops, inPlace, native, half }: ProgramPlace,
  { constants, optional, halves }: Required<CompileOptions> & { halves: ReadonlyMap<string, WidenedType> },
): Promise<ModelSession> {
  try {
    const values: Record<string, HostTensor> = {};
    const target = {
      loops,
      native,
      ...(half ? { half: { ...half, names: new Set(halves.keys()) } } : { widened: halves }),
    };
    for (const [key, tensor] of Object.entries(constants)) values[key] = store.onHost(tensor as OnnxTensor);
    // The library would unfold a constant's new shape, and so hold it twice; operators of our own take it as it is.
    const summing = inPlace && Object.keys(constants).length === 0;
    const summed = native && !half ? fused(graph) : summing ? fuseSums(graph) : graph;
    return await way.makeSession({
      bytes: (places) => lowerToOnnx(summed, name, { target, constants: places, optional, inPlace: summing }),
      byteInputs: byteInputs(graph),
      constants: values,
    }, settings);
  } catch (error) {
    const { provider } = settings;
    throw new Error(
      `Cannot compile program ${name} for ONNX Runtime provider "${provider}"${providerHint(provider)}: ${
        reasonOf(error)
      }`,
      { cause: error },
    );
  }
}
