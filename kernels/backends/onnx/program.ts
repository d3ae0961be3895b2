/**
 * A graph as a session of ONNX Runtime.
 * @module
 */
import { join } from "@std/path";

import * as ort from "onnxruntime-node";

import type { CompileOptions, Program, Tensor } from "../../backend.ts";
import type { Graph, Value } from "../../graph.ts";
import { extentOf, indexCheck } from "../indices.ts";
import { requiredGraph } from "../options.ts";
import { bindSizes, concreteShape } from "../sizes.ts";
import { CONSTANTS_FILE, lowerToOnnx, WANTED } from "./lower.ts";
import { OnnxTensor } from "./tensor.ts";

/** Options of sessions. */
export interface SessionSettings {
  provider: string;
  threads: number;
  loops: boolean;
}

/** Constants begin at multiples of this in their file, so that they can be mapped into memory. */
const ALIGNMENT = 4096;

/**
 * Compiles a graph.
 * @param allocate Makes tensors for outputs.
 * @throws {Error} If ONNX Runtime can't make the session; the message says for which provider.
 */
export async function compile(
  graph: Graph,
  name: string,
  settings: SessionSettings,
  allocate: (shape: readonly number[], type: "f32" | "i32") => OnnxTensor,
  { constants = {}, optional = [] }: CompileOptions = {},
): Promise<Program> {
  const { session, folder } = await makeSession(graph, name, settings, constants, optional);
  const given = withoutInputs(graph, constants);
  const required = withoutInputs(requiredGraph(graph, optional), constants);
  const extent = ({ data }: OnnxTensor) => extentOf(data);
  const checks = { all: indexCheck(name, given, extent), required: indexCheck(name, required, extent) };
  return {
    async run(inputs, into = {}, wanted = true) {
      const wantedGraph = wanted ? given : required;
      const sizes = bindSizes(name, wantedGraph, inputs);
      checks[wanted ? "all" : "required"](inputs, sizes);
      const feeds: Record<string, ort.Tensor> = {};
      for (const [key, value] of Object.entries(given.inputs)) {
        feeds[key] = key in wantedGraph.inputs ? (inputs[key] as OnnxTensor).handle : nothing(value);
      }
      if (optional.length) feeds[WANTED] = new ort.Tensor("bool", [wanted], []);
      const results: Record<string, OnnxTensor> = {}, fetches: Record<string, ort.Tensor> = {};
      for (const [key, value] of Object.entries(wantedGraph.outputs)) {
        const tensor = into[key] as OnnxTensor | undefined ??
          allocate(concreteShape(value, sizes), value.type);
        results[key] = tensor;
        fetches[`out.${key}`] = tensor.handle;
      }
      try {
        await session.run(feeds, fetches);
      } catch (error) {
        const memory = settings.provider === "cpu"
          ? ""
          : " (if it is out of memory, lower micro_batch_tokens or cutoff_len)";
        throw new Error(
          `Cannot run program ${name} on ONNX Runtime provider "${settings.provider}"${memory}: ${
            reasonOf(error)
          }`,
          { cause: error },
        );
      }
      return results;
    },
    dispose: async () => {
      await session.release();
      if (folder !== null) await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Remedy for a provider that doesn't start. */
function hint(provider: string): string {
  switch (provider) {
    case "cuda":
      return "; `deno task doctor` says what is missing, docs/cuda.md how to install it";
    case "webgpu":
      return "; use backend: webgpu, which Deno brings itself, or provider: cpu";
    default:
      return "";
  }
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
function nothing({ type, shape }: Value): ort.Tensor {
  const dims = shape.map(() => 0);
  return type === "i32"
    ? new ort.Tensor("int32", new Int32Array(0), dims)
    : new ort.Tensor("float32", new Float32Array(0), dims);
}

async function makeSession(
  graph: Graph,
  name: string,
  { provider, threads, loops }: SessionSettings,
  constants: Readonly<Record<string, Tensor>>,
  optional: readonly string[],
): Promise<{ session: ort.InferenceSession; folder: string | null }> {
  const folder = Object.keys(constants).length ? await Deno.makeTempDir({ prefix: "dinotune-" }) : null;
  // A session keeps reading the file that it has mapped. On Linux and macOS that outlives the name; Windows keeps the name.
  const keep = Deno.build.os === "windows";
  let made = false;
  try {
    const places = folder === null ? {} : await writeConstants(join(folder, CONSTANTS_FILE), constants);
    const model = lowerToOnnx(graph, name, { target: { loops }, constants: places, optional });
    const session = await ort.InferenceSession.create(model, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
      // Rows differ in length, so planned memory patterns never fit twice. The arena stays on: without it every product
      // touches fresh memory, a fifth of a step of SmolLM2 (it costs 20 to 130 MB).
      enableMemPattern: false,
      extra: {
        session: {
          set_denormal_as_zero: "1",
          force_spinning_stop: "1",
          ...(folder !== null && { model_external_initializers_file_folder_path: folder }),
        },
      },
    });
    made = true;
    return { session, folder: keep ? folder : null };
  } catch (error) {
    throw new Error(
      `Cannot compile program ${name} for ONNX Runtime provider "${provider}"${hint(provider)}: ${
        reasonOf(error)
      }`,
      { cause: error },
    );
  } finally {
    if (folder !== null && !(made && keep)) await Deno.remove(folder, { recursive: true });
  }
}

/** Writes constants one behind the other; a model of 2 GB and more doesn't fit into the protobuf itself. */
async function writeConstants(
  path: string,
  constants: Readonly<Record<string, Tensor>>,
): Promise<Record<string, { offset: number; length: number }>> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const places: Record<string, { offset: number; length: number }> = {};
  let end = 0;
  for (const [name, tensor] of Object.entries(constants)) {
    const { buffer, byteOffset, byteLength } = (tensor as OnnxTensor).data;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    await file.seek(offset, Deno.SeekMode.Start);
    for (let done = 0; done < byteLength;) {
      done += await file.write(new Uint8Array(buffer, byteOffset + done, byteLength - done));
    }
    places[name] = { offset, length: byteLength };
    end = offset + byteLength;
  }
  return places;
}
