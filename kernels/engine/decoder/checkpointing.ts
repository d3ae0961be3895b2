/**
 * What a pass of training keeps of a block for the way back, and what is so computed a second time.
 * @module
 */
import { differentiate, type Keep } from "../../autodiff.ts";
import { type Backend, elements } from "../../backend.ts";
import { blockGraph } from "./block_graph.ts";
import { blockShapes, type LinearModule, linearModules, modulesByInput } from "./decoder.ts";
import { attentionOf, type DecoderConfig } from "./decoder_config.ts";
import { normsOf } from "./norms.ts";

/**
 * What blocks keep. With checkpointing a CPU keeps what attention gives and the sum behind it, as many numbers each as a block's input,
 * and LoRA's narrow factors of o and down: a pack is short there, so they are little beside the weights, and a tenth of a block's work isn't
 * done twice; and all of the last block, whose way back comes next. On a GPU, whose packs are long and many at once, and where memory is short,
 * blocks keep nothing but the input.
 * @param sparing True if memory counts more than time
 */
export function keepFor(
  checkpointing: boolean,
  { hostMemory }: Pick<Backend, "hostMemory">,
  sparing: boolean,
): Keep {
  if (!checkpointing) return "activations";
  return hostMemory && !sparing ? "dear" : "inputs";
}

/**
 * Modules whose product with their weight a block's way back makes again. Nothing there wants the last product, `down_proj`'s, but a norm behind it
 * does, as one behind `o_proj` wants that.
 */
export function madeAgain(
  keep: Keep,
  config: Pick<DecoderConfig, "normPlaces" | "fusedProjections">,
): readonly LinearModule[] {
  if (keep === "activations") return [];
  if (normsOf(config).mlp.after !== null) return linearModules(config);
  const [before = [], , fed = []] = modulesByInput(config), behindKept = [...before, ...fed];
  return keep === "dear" ? behindKept : [...behindKept, "self_attn.o_proj"];
}

/**
 * Numbers a row that a block holds for its way back, where all its modules learn: its input, and what its forward program hands over. Adapters' are not
 * among them: LoRA's narrow factors, and what DoRA adds.
 */
export function keptWidth(config: DecoderConfig, keep: Keep): number {
  const wrt = ["x", ...blockShapes(config).keys()];
  const { forward } = differentiate(blockGraph(config, attentionOf(config, 0)), ["y"], wrt, keep);
  const { y: _, ...saved } = forward.outputs;
  return Object.values(saved).reduce(
    (sum, { shape: [, ...sizes] }) => sum + elements(sizes.map(Number)),
    config.hiddenSize,
  );
}
