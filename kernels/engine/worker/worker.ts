/**
 * The engine's Worker: makes the engine from a setup, then answers calls one after another.
 * Started by remote.ts; not imported by anything.
 * @module
 */
import { hasPacked, openModel } from "../../../formats/hf_model/mod.ts";
import { makeBackend } from "../backends.ts";
import { storedDecoder, withEmbeddingChange } from "../weights/embedding_change.ts";
import { freshWeights } from "../weights/fresh_weights.ts";
import { ENGINE_METHODS, EngineHost, type EngineSetup } from "../host.ts";
import { withMerged } from "../weights/merged_weights.ts";
import { packedReader } from "../weights/packed_weights.ts";
import { type CallContext, GivenArrays, type Methods, serve } from "./worker_call.ts";

const COPIES: ReadonlySet<string> = new Set<typeof ENGINE_METHODS[number]>(["trained", "optimizerState"]);

let host: EngineHost | null = null;
let last: Promise<unknown> = Promise.resolve();
/** Tells the caller of the call under way. */
let tell: CallContext["emit"] = () => {};

async function open(setup: EngineSetup): Promise<void> {
  const change = setup.embeddings ?? null;
  const base = setup.fresh
    ? freshWeights(setup.fresh, storedDecoder(setup.decoder, change))
    : (await openModel(setup.modelPath)).weights;
  try {
    const weights = withMerged(
      withEmbeddingChange(base, change, setup.decoder),
      setup.merged ?? [],
      setup.decoder,
    );
    const backend = await makeBackend({ ...setup.device, blocks: hasPacked(weights) });
    const { tuning, decoder, quantizationBit = null } = setup;
    const read = packedReader(weights, decoder, quantizationBit, { tuning, backend });
    host = new EngineHost(backend, setup, read, (...phase) => tell(phase));
  } finally {
    base.close();
  }
}

/** Begins when everything asked for before has ended: an engine does one thing at a time. */
function inTurn<T>({ emit }: CallContext, work: () => Promise<T>): Promise<T> {
  const mine = last.then(() => {
    tell = emit;
    return work();
  });
  last = mine.catch(() => {});
  return mine;
}

const calls = ENGINE_METHODS.map((method): [string, Methods[string]] => [
  method,
  (call, ...args: unknown[]) =>
    inTurn(call, async () => {
      if (host === null) throw new Error(`Cannot call ${method}: no engine was opened`);
      const found = host[method] as ((...args: unknown[]) => Promise<unknown>) | undefined;
      if (found === undefined) {
        throw new TypeError(`Cannot call ${method}: this engine's backend has no use for it`);
      }
      const value = await found.apply(host, args);
      // copies that the host made for the caller; of full tuning as large as the model, twice and three times
      return COPIES.has(method) ? new GivenArrays(value as GivenArrays["arrays"]) : value;
    }),
]);

serve({ ...Object.fromEntries(calls), open: (call, setup: EngineSetup) => inTurn(call, () => open(setup)) });
