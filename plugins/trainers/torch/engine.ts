/**
 * PyTorch's processes as an engine of the training loop: packs go out, shared over the ranks, log-probabilities come back.
 * @module
 */
import { i32, item } from "../../../formats/elements.ts";
import { type OptimizerOptions, ruleOf } from "../../../kernels/engine/optimizer/rules.ts";
import type { EngineClient, EngineSetup } from "../../../kernels/engine/host.ts";
import type { Pack } from "../../../kernels/engine/packs/pack.ts";
import { DEFAULT_ROWS } from "../../../kernels/engine/pack_rows.ts";
import { fittingThreads } from "../../../kernels/threads.ts";
import { arraysUnder, withPrefix } from "./frames.ts";
import type { EngineChoices } from "./options.ts";
import type { Ranks } from "./ranks.ts";
import { type Share, sharePack } from "./share.ts";
import { gatherLabels, lengthArrays, partArrays, scatterLabels } from "./shared_arrays.ts";

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
  await ranks.call("open", openHeader(ranks, setup), withPrefix("initial.", setup.initial));
  return engineOn(ranks, setup);
}

function openHeader(ranks: Ranks, setup: TorchSetup) {
  const { optimizer, tuning, threads } = setup;
  return {
    model: setup.modelPath,
    tuning: tuning.type,
    modules: tuning.type === "lora" ? tuning.modules : {},
    tensors: tuning.type === "freeze" ? tuning.tensors : [],
    value_head: tuning.valueHead?.dropout ?? null,
    dropout: tuning.type === "lora" ? tuning.dropout : 0,
    seed: setup.seed,
    smoothing: setup.labelSmoothing ?? 0,
    neftune: setup.neftuneAlpha ?? 0,
    checkpointing: setup.checkpointing,
    sharding: setup.sharding,
    reshard: setup.reshard_after_forward,
    cpu_offload: setup.cpu_offload,
    dtype: setup.dtype,
    attention: setup.attention,
    compile: setup.compile,
    quantization: setup.quantization,
    threads: fittingThreads(threads ?? Math.floor(navigator.hardwareConcurrency / ranks.perNode)),
    optimizer: optimizer && optimizerHeader(optimizer),
  };
}

function optimizerHeader(options: OptimizerOptions) {
  const { betas: [beta1, beta2], epsilon, weightDecay, ratioOfB = 1, rule = "adamw" } = options;
  const { name } = ruleOf(options);
  return { rule, name, beta1, beta2, epsilon, weight_decay: weightDecay, ratio_of_b: ratioOfB };
}

/** The model that is open on the ranks. */
function engineOn(
  ranks: Ranks,
  { decoder, sharding, dtype, neftuneAlpha: alpha = 0 }: TorchSetup,
): TorchEngine {
  // A row's work is 2 operations a parameter of the blocks, 12 h² a layer; a pair's is 4 h a layer.
  const pairCost = 1 / (6 * decoder.hiddenSize);
  const share = (pack: Pack) => sharePack(pack, ranks.world, pairCost);
  let kept: readonly Share[] | null = null;

  return {
    replicas: ranks.world,
    describe: () => {
      const many = ranks.world > 1 ? `, ${ranks.world} processes (${sharding})` : "";
      return Promise.resolve(`torch: ${ranks.device}, ${dtype}${many}`);
    },
    packRows: (rows = DEFAULT_ROWS) =>
      Promise.resolve({ rows, together: rows, why: "PyTorch isn't asked what it holds" }),
    async forward(pack, { adapter, keep, dropoutStep, best = false }) {
      const shares = share(pack);
      kept = keep ? shares : null;
      const header = { adapter, keep, best, ...(dropoutStep !== undefined && { dropout: dropoutStep }) };
      const lengths = alpha > 0 && dropoutStep !== undefined ? lengthArrays(pack, shares) : {};
      const { arrays } = await ranks.call("forward", header, { ...partArrays(shares), ...lengths });
      return gatherLabels(arrays, shares, { labels: pack.labelIds.length, best });
    },
    async backward(weights) {
      if (!kept) throw new Error("Cannot go backward: no forward pass was kept");
      const parts = scatterLabels(weights, kept);
      kept = null;
      await ranks.call("backward", {}, parts);
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
        ...withPrefix("optimizer.", optimizer ?? {}),
      });
    },
    async findNonFinite(pack) {
      const shares = share(pack);
      const { found } = (await ranks.call("non_finite", {}, partArrays(shares))).header;
      return firstNonFinite(found as [number, number][], shares);
    },
    async memory() {
      const { host, device } = (await ranks.call("memory")).header;
      return { host: Number(host), device: Number(device) };
    },
    close: () => ranks.end(),
  };
}

/** The first layer of all ranks with a number that isn't finite, as the model's files name it; each found a layer (−1: the embedding) and one of its rows. */
function firstNonFinite(
  found: readonly [layer: number, row: number][],
  shares: readonly Share[],
): { layer: string; row: number } | null {
  const first = found.map(([layer, row], rank) => ({ layer, row, rank }))
    .filter(({ layer }) => layer > -2)
    .toSorted((a, b) => a.layer - b.layer)[0];
  if (!first) return null;
  const { layer, row, rank } = first;
  return {
    layer: layer < 0 ? "model.embed_tokens" : `model.layers.${layer}`,
    row: i32(item(shares, rank).rows, row),
  };
}
