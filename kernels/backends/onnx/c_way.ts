/**
 * ONNX Runtime through its C interface: runs write into the memory that they are given, constants are read where they lie.
 * @module
 */
import { setImmediate } from "node:timers";

import { isBlockForm, isGroupForm, tileShape } from "../../native/mod.ts";
import { availableProviders, type OrtLibrary, OrtSession, OrtTensor } from "./c_api/mod.ts";
import {
  byteShape,
  type ModelSession,
  ONNX_PROVIDERS,
  type OnnxWay,
  SESSION_CONFIG,
  type SessionModel,
  type SessionSettings,
} from "./sessions.ts";
import { HostTensor, type OnnxTensor } from "./tensor.ts";

/** The C interface's own view of a tensor. @param bytes Integers as four bytes each. */
function ortTensorOf(library: OrtLibrary, tensor: OnnxTensor, bytes: boolean): OrtTensor {
  if (!(tensor instanceof HostTensor)) {
    return bytes ? tensor.bytes((value) => OrtTensor.asBytes(library, value)) : tensor.value;
  }
  return tensor.view(({ data, shape, stored }) => {
    if (isBlockForm(stored)) {
      const tiles = tileShape(shape, stored).map(Number);
      return OrtTensor.over(library, data, tiles, isGroupForm(stored) ? "i8" : "u8");
    }
    return OrtTensor.over(library, data, bytes ? byteShape(shape) : shape, bytes ? "u8" : stored);
  });
}

/** The way through a library that is open. */
export function cWay(library: OrtLibrary): OnnxWay {
  const built = availableProviders(library).map((name) => name.toLowerCase());
  return {
    description: `onnxruntime ${library.version} through its C interface`,
    library,
    providers: ONNX_PROVIDERS.filter((name) => built.includes(`${name}executionprovider`)),
    makeSession: (model, settings) => Promise.resolve(makeSession(library, model, settings)),
  };
}

function makeSession(
  library: OrtLibrary,
  { bytes, byteInputs, constants }: SessionModel,
  { provider, threads, providerOptions, operators, profiler }: SessionSettings,
): ModelSession {
  const profile = profiler?.open();
  const ofTensors = (tensors: Readonly<Record<string, OnnxTensor>>) =>
    Object.fromEntries(
      Object.entries(tensors).map((
        [name, tensor],
      ) => [name, ortTensorOf(library, tensor, byteInputs.has(name))]),
    );
  // The file isn't there: values come from memory, and only their names and sizes are looked at.
  const places = Object.entries(constants).map((
    [name, { data }],
  ) => [name, { offset: 0, length: data.byteLength }]);
  const session = new OrtSession(library, bytes(Object.fromEntries(places)), {
    provider,
    threads,
    // An engine's programs run one after another; with an arena each they held 200 MiB more.
    arena: provider === "cpu" ? "shared" : true,
    ...(providerOptions && { providerOptions }),
    ...(operators && { operators }),
    ...(profile && { profile: profile.path }),
    initializers: ofTensors(constants),
    config: Object.fromEntries(
      Object.entries(SESSION_CONFIG).map(([key, value]) => [`session.${key}`, value]),
    ),
  });
  const flag = (value: boolean) => OrtTensor.over(library, Uint8Array.of(value ? 1 : 0), [], "bool");
  const flags = { yes: flag(true), no: flag(false) };
  return {
    async run(inputs, outputs, wanted) {
      // A run holds the thread, so what waits for it (a signal, a message to a Worker) has its turn first.
      await turn();
      const given = ofTensors(inputs);
      if (wanted) given[wanted.name] = wanted.value ? flags.yes : flags.no;
      profile?.ran();
      session.run(given, ofTensors(outputs));
    },
    dispose: () => {
      if (profile) profile.file = session.endProfile();
      for (const it of [session, flags.yes, flags.no]) it.dispose();
      return Promise.resolve();
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
