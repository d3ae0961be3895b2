/**
 * A model of Qwen2.5's shapes with random weights in bfloat16, to time what needs no sense:
 *
 *     deno run -A tasks/bench/random_model.ts FOLDER 1.5b|7b|tiny
 *
 * It has no tokenizer; token ids of another model do, below its vocabulary.
 * @module
 */
import { join } from "@std/path";

import { writeSafetensors } from "../../formats/safetensors/mod.ts";
import { tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import { models } from "../../plugins/models/mod.ts";
import { Registry } from "../../plugins/registry.ts";
import { runTask } from "../common/cli/run_task.ts";

const SHAPES = {
  "1.5b": { hidden: 1536, inner: 8960, layers: 28, heads: 12, kv: 2, vocabulary: 151_936, tied: true },
  "7b": { hidden: 3584, inner: 18_944, layers: 28, heads: 28, kv: 4, vocabulary: 152_064, tied: false },
  tiny: { hidden: 64, inner: 160, layers: 2, heads: 4, kv: 2, vocabulary: 49_152, tied: true },
} as const;

/** Values that are drawn; tensors repeat them from other places on. */
const DRAWN = 1 << 20;

/** Writes the model. @throws {RangeError} If there is no such shape */
export function writeRandomModel(folder: string, name: string): void {
  if (!Object.hasOwn(SHAPES, name)) {
    throw new RangeError(
      `Cannot make a model of shape ${JSON.stringify(name)}: there are ${Object.keys(SHAPES).join(", ")}`,
    );
  }
  const shape = SHAPES[name as keyof typeof SHAPES];
  const config = {
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    hidden_size: shape.hidden,
    intermediate_size: shape.inner,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kv,
    vocab_size: shape.vocabulary,
    tie_word_embeddings: shape.tied,
    rope_theta: 1e6,
    rms_norm_eps: 1e-6,
    max_position_embeddings: 32_768,
    hidden_act: "silu",
    torch_dtype: "bfloat16",
  };
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config, null, 2));
  const decoder = new Registry(models).create("model", "qwen2").parse(config), drawn = draw();
  writeSafetensors(
    join(folder, "model.safetensors"),
    [...tensorShapes(decoder)].map(([name, sizes], number) => ({
      name,
      dtype: "BF16",
      shape: sizes,
      // Norms are 1, as they start.
      data: () =>
        sizes.length === 1 && name.includes("norm") ? ones(sizes) : values(drawn, sizes, 7919 * number),
    })),
  );
}

const count = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

function ones(sizes: readonly number[]): Float32Array<ArrayBuffer> {
  return new Float32Array(count(sizes)).fill(1);
}

/** bfloat16 numbers between −0.03 and 0.03, as bits. */
function draw(): Uint16Array<ArrayBuffer> {
  const value = new DataView(new ArrayBuffer(4));
  let state = 1;
  return Uint16Array.from({ length: DRAWN }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    value.setFloat32(0, (state / 2 ** 32 - 0.5) * 0.06);
    return value.getUint16(0);
  });
}

function values(
  drawn: Uint16Array<ArrayBuffer>,
  sizes: readonly number[],
  from: number,
): Uint16Array<ArrayBuffer> {
  const all = new Uint16Array(count(sizes));
  for (let done = 0; done < all.length;) {
    const start = (from + done) % 4096, part = Math.min(DRAWN - start, all.length - done);
    all.set(drawn.subarray(start, start + part), done);
    done += part;
  }
  return all;
}

if (import.meta.main) {
  await runTask(() => Promise.resolve(writeRandomModel(Deno.args[0] ?? "", Deno.args[1] ?? "")));
}
