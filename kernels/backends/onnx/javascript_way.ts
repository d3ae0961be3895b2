/**
 * ONNX Runtime through its binding for JavaScript, where the C interface can't be called. It copies every output into a new
 * buffer and that into ours, takes constants from a file only, and keeps no tensor on a CUDA device between runs.
 * @module
 */
import "./no_telemetry.ts";
import { join } from "@std/path";

import * as ort from "onnxruntime-node";

import { flushingSubnormalsUntil } from "../../native/mod.ts";
import { CONSTANTS_FILE } from "./proto.ts";
import {
  byteShape,
  type ConstantPlace,
  type ModelSession,
  ONNX_PROVIDERS,
  type OnnxWay,
  SESSION_CONFIG,
  type SessionModel,
  type SessionSettings,
} from "./sessions.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

/** Constants begin at multiples of this in their file, so that they can be mapped into memory. */
const ALIGNMENT = 4096;

/** The way through the binding. @param why Why not through the C interface. */
export function javascriptWay(why: string): OnnxWay {
  const built = ort.listSupportedBackends().map(({ name }) => name);
  return {
    description: `onnxruntime ${
      ort.env.versions.node ?? ort.env.versions.common
    } through its binding for JavaScript (${why})`,
    library: null,
    providers: ONNX_PROVIDERS.filter((name) => built.includes(name)),
    makeSession,
  };
}

function viewOf(tensor: OnnxTensor, bytes: boolean): ort.Tensor {
  if (!(tensor instanceof HostTensor)) throw new TypeError("Cannot pass a provider's tensor to the binding");
  const { data } = tensor;
  if (data instanceof Uint16Array || data instanceof Uint8Array) {
    throw new TypeError("Cannot pass floats of 16 bits or blocks to the binding");
  }
  if (bytes) {
    return tensor.view(({ shape }) =>
      new ort.Tensor(
        "uint8",
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        byteShape(shape),
      )
    );
  }
  return tensor.view(({ shape, type }) => new ort.Tensor(type === "i32" ? "int32" : "float32", data, shape));
}

async function makeSession(
  { bytes, byteInputs, constants }: SessionModel,
  { provider, threads, profiler }: SessionSettings,
): Promise<ModelSession> {
  if (profiler) {
    throw new TypeError(
      "Cannot profile through ONNX Runtime's binding for JavaScript: its C interface is needed",
    );
  }
  const folder = Object.keys(constants).length ? await Deno.makeTempDir({ prefix: "dinotune-" }) : null;
  // A session keeps reading the file that it has mapped. On Linux and macOS that outlives the name; Windows keeps the name.
  const keep = Deno.build.os === "windows";
  let session: ort.InferenceSession | null = null;
  try {
    const places = folder === null ? {} : await writeConstants(join(folder, CONSTANTS_FILE), constants);
    const model = bytes(places);
    // SESSION_CONFIG asks for zeros in place of subnormal numbers, which this thread is held to here as through the C interface
    session = await flushingSubnormalsUntil(() =>
      ort.InferenceSession.create(model, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: "sequential",
        graphOptimizationLevel: "all",
        logSeverityLevel: 4,
        // Rows differ in length, so planned memory patterns never fit twice.
        enableMemPattern: false,
        extra: {
          session: {
            ...SESSION_CONFIG,
            ...(folder !== null && { model_external_initializers_file_folder_path: folder }),
          },
        },
      })
    );
  } finally {
    if (folder !== null && !(session && keep)) await Deno.remove(folder, { recursive: true });
  }
  const made = session;
  const views = (tensors: Readonly<Record<string, OnnxTensor>>) =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [name, viewOf(tensor, byteInputs.has(name))]),
    );
  return {
    async run(inputs, outputs, wanted) {
      const feeds = views(inputs);
      if (wanted) feeds[wanted.name] = new ort.Tensor("bool", [wanted.value], []);
      const results = views(outputs);
      await flushingSubnormalsUntil(() => made.run(feeds, results));
    },
    async dispose() {
      await made.release();
      if (folder !== null && keep) await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Writes constants one behind the other; a model of 2 GB and more doesn't fit into the protobuf itself. */
async function writeConstants(
  path: string,
  constants: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, ConstantPlace>> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const places: Record<string, ConstantPlace> = {};
  let end = 0;
  for (const [name, { data: { buffer, byteOffset, byteLength } }] of Object.entries(constants)) {
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
