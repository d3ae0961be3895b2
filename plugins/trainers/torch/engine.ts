/**
 * PyTorch's processes as an engine of the training loop: packs go out, shared over the ranks, log-probabilities come back.
 * @module
 */
import { f64, i32, item } from "../../../formats/elements.ts";
import type { AdamWOptions } from "../../../kernels/engine/adamw.ts";
import type { EngineClient, EngineSetup } from "../../../kernels/engine/host.ts";
import { rowLengths } from "../../../kernels/engine/noise.ts";
import type { Pack } from "../../../kernels/engine/pack.ts";
import { DEFAULT_ROWS } from "../../../kernels/engine/pack_rows.ts";
import { fittingThreads } from "../../../kernels/threads.ts";
import { arraysUnder, type FrameArray, withPrefix } from "./frames.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";
import { type Share, sharePack } from "./share.ts";

/** An engine's setup but for the backend: a folder that transformers reads, and how PyTorch is to run it. */
export type TorchSetup = Omit<EngineSetup, "device"> & EngineChoices & { threads: number | null };

/** An engine on ranks, with its memory. */
export interface TorchEngine extends EngineClient {
  /** Most memory so far of all ranks together, MiB: in the host and on GPUs. */
  memory(): Promise<{ host: number; device: number }>;
}

/**
 * Opens a model on ranks; another one that was open there goes.
 * @param ranks Ended by the engine's `close`
 * @throws {Error} If the model can't be loaded; the ranks are gone then
 */
export async function openTorchEngine(ranks: Ranks, setup: TorchSetup): Promise<TorchEngine> {
  const { decoder, optimizer, tuning, initial, neftuneAlpha: alpha = 0 } = setup;
  await ranks.call("open", {
    model: setup.modelPath,
    tuning: tuning.type,
    modules: tuning.type === "lora" ? tuning.modules : {},
    dropout: tuning.type === "lora" ? tuning.dropout : 0,
    seed: setup.seed,
    smoothing: setup.labelSmoothing ?? 0,
    neftune: alpha,
    checkpointing: setup.checkpointing,
    sharding: setup.sharding,
    reshard: setup.reshard_after_forward,
    cpu_offload: setup.cpu_offload,
    dtype: setup.dtype,
    attention: setup.attention,
    compile: setup.compile,
    quantization: setup.quantization,
    threads: fittingThreads(setup.threads ?? Math.floor(navigator.hardwareConcurrency / ranks.perNode)),
    optimizer: optimizer && optimizerHeader(optimizer),
  }, withPrefix("initial.", initial));
  // A row's work is 2 operations a parameter of the blocks, 12 h² a layer; a pair's is 4 h a layer.
  const pairCost = 1 / (6 * decoder.hiddenSize);
  const share = (pack: Pack) => sharePack(pack, ranks.world, pairCost);
  let kept: readonly Share[] | null = null;

  return {
    replicas: ranks.world,
    describe: () => {
      const { sharding, dtype } = setup;
      const many = ranks.world > 1 ? `, ${ranks.world} processes (${sharding})` : "";
      return Promise.resolve(`torch: ${ranks.device}, ${dtype}${many}`);
    },
    packRows: (rows = DEFAULT_ROWS) =>
      Promise.resolve({ rows, together: rows, why: "PyTorch isn't asked what it holds" }),
    async forward(pack, { adapter, keep, dropoutStep, best = false }) {
      const shares = share(pack), total = pack.labelIds.length;
      kept = keep ? shares : null;
      const header = { adapter, keep, best, ...(dropoutStep !== undefined && { dropout: dropoutStep }) };
      const lengths = alpha > 0 && dropoutStep !== undefined ? lengthsOf(pack, shares) : {};
      const { arrays } = await ranks.call("forward", header, { ...partsOf(shares), ...lengths });
      const values = new Float64Array(best ? 2 * total : total);
      shares.forEach(({ labels }, rank) => {
        const own = arrays[`${rank}`] as Float64Array;
        for (let l = 0; l < own.length; l++) {
          const row = Math.floor(l / labels.length);
          values[row * total + i32(labels, l % labels.length)] = f64(own, l);
        }
      });
      return values;
    },
    async backward(weights) {
      if (!kept) throw new Error("Cannot go backward: no forward pass was kept");
      const parts = kept.map((
        { labels },
        rank,
      ) => [`${rank}`, Float64Array.from(labels, (l) => f64(weights, l))]);
      kept = null;
      await ranks.call("backward", {}, Object.fromEntries(parts));
    },
    async step(rate, maxNorm) {
      return Number((await ranks.call("step", { rate, maxNorm })).header.norm);
    },
    async discard() {
      kept = null;
      await ranks.call("discard");
    },
    async isIdentity() {
      return (await ranks.call("identity")).header.identity === true;
    },
    async trained() {
      return (await ranks.call("values")).arrays as Record<string, Float32Array<ArrayBuffer>>;
    },
    async optimizerState() {
      return arraysUnder((await ranks.call("state")).arrays, "");
    },
    async restore(trained, optimizer) {
      await ranks.call("restore", { optimizer: optimizer !== null }, {
        ...withPrefix("trained.", trained),
        ...withPrefix("adamw.", optimizer ?? {}),
      });
    },
    async findNonFinite(pack) {
      const shares = share(pack);
      const { found } = (await ranks.call("non_finite", {}, partsOf(shares))).header as {
        found: [number, number][];
      };
      const first = found.map(([layer, row], rank) => ({ layer, row, rank }))
        .filter(({ layer }) => layer > -2)
        .toSorted((a, b) => a.layer - b.layer)[0];
      if (!first) return null;
      const { layer, row, rank } = first;
      return {
        layer: layer < 0 ? "model.embed_tokens" : `model.layers.${layer}`,
        row: i32(item(shares, rank).rows, row),
      };
    },
    async memory() {
      const { host, device } = (await ranks.call("memory")).header;
      return { host: Number(host), device: Number(device) };
    },
    close: () => ranks.end(),
  };
}

function partsOf(shares: readonly Share[]): Record<string, FrameArray> {
  return Object.assign({}, ...shares.map(({ part }, rank) => withPrefix(`${rank}.`, { ...part })));
}

/** Tokens of each row's sequence, for noise on embeddings. */
function lengthsOf(pack: Pack, shares: readonly Share[]): Record<string, FrameArray> {
  const lengths = rowLengths(pack);
  return Object.fromEntries(
    shares.map(({ rows }, rank) => [`${rank}.lengths`, rows.map((row) => i32(lengths, row))]),
  );
}

function optimizerHeader({ betas: [beta1, beta2], epsilon, weightDecay, ratioOfB = 1 }: AdamWOptions) {
  return { beta1, beta2, epsilon, weight_decay: weightDecay, ratio_of_b: ratioOfB };
}
