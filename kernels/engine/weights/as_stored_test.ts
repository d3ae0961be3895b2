/** Models whose files are bfloat16 or ggml's blocks, on ONNX Runtime's CPU provider with operators of our own: their matrices lie there so, all results are float32's. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

import { openModel } from "../../../formats/hf_model/mod.ts";
import { bytesOfNumber, quantisedModel } from "../../../tests/helpers/quantised_model.ts";
import { idsExample, readJson, TINY, tinyAdapter, tinyModel } from "../../../tests/helpers/tiny_model.ts";
import { elements } from "../../backend.ts";
import { openLibrary } from "../../backends/onnx/c_api/mod.ts";
import { HostTensor } from "../../backends/onnx/tensor.ts";
import { onnxBackend } from "../../mod.ts";
import { nativeLibrary } from "../../native/mod.ts";
import { scattered } from "../../testing/scattered.ts";
import { tensorShapes } from "../decoder/decoder.ts";
import type { DecoderConfig } from "../decoder/decoder_config.ts";
import { Engine, type EngineOptions } from "../engine.ts";
import { GenerationEngine } from "../generate/blocks/engine.ts";
import { packExamples } from "../packs/pack.ts";
import { packedReader } from "./packed_weights.ts";
import { trainedShapes, type Tuning } from "./tuning.ts";

const reason = openLibrary().reason ?? nativeLibrary().reason, ignore = reason !== null;
const because = reason === null ? "" : `: ${reason}`;

const FOLDER = `${TINY}qwen2/model-bf16`, { config } = tinyModel("qwen2");
const golden = readJson(`${TINY}qwen2/golden.json`), sequences: number[][] = golden.sequences;
const { modules } = tinyAdapter("qwen2", config);
const dora = Object.fromEntries(Object.entries(modules).map(([name, m]) => [name, { ...m, dora: true }]));
const pack = packExamples(sequences.map((ids) => idsExample({ s: [[ids[0]!], ids.slice(1)] })));

type Reading = "read" | "pieces";
/** Files by their matrices: bfloat16, Q4_0 and Q8_0; what a Q4_K_M has where rows are short (Q5_0, Q5_1, Q8_0, Q4_K, Q6_K), and where they are long. */
const STORED = {
  bfloat16: null,
  blocks: "plain",
  "short rows of K-quants": "k",
  "K-quants": "wide",
} as const;
type Stored = keyof typeof STORED;

/** A file's tensors. No matrix that comes in pieces becomes float32 on the host, but for lengths of DoRA. */
async function opened(reading: Reading, stored: Stored) {
  const mixture = STORED[stored];
  const model = mixture === null
    ? { config, weights: (await openModel(FOLDER)).weights }
    : await quantisedModel(mixture);
  const { weights } = model;
  return {
    config: model.config,
    read: (name: string) => weights[reading](name),
    close: () => weights.close(),
  };
}

/** Bytes of a number of a matrix. */
function numberBytes(stored: Stored, name: string): number {
  const mixture = STORED[stored];
  return mixture === null ? 2 : bytesOfNumber(mixture, name);
}

/** Values of adapters, without a pattern. */
function initialOf(config: DecoderConfig, tuning: Tuning) {
  if (tuning.type !== "lora") return {};
  const drawn = [...trainedShapes(config, tuning)].filter(([name]) => /lora_[AB]/.test(name));
  return Object.fromEntries(
    drawn.map((
      [name, shape],
      i,
    ) => [name, Float32Array.from(scattered(elements(shape), i), (value) => value / 8)]),
  );
}

/** What a step gives, as bits, bytes that the model's tensors take, those of float32, and those where frozen matrices lie as their file has them. */
async function step(options: Omit<EngineOptions, "config">, reading: Reading, stored: Stored) {
  const { config, read, close } = await opened(reading, stored), { tuning } = options;
  const engine = new Engine(
    onnxBackend({ threads: 2 }),
    { config, ...options },
    read,
    initialOf(config, tuning),
  );
  close();
  let bytes = 0, wide = 0, held = 0;
  const isTrained = (name: string) =>
    tuning.type === "full" || tuning.type === "freeze" && tuning.tensors.includes(name);
  for (const [name, shape] of tensorShapes(config)) {
    const tensor = engine.parameters.get(name);
    assert(tensor instanceof HostTensor, name);
    bytes += tensor.data.byteLength;
    const count = elements(shape), isHeld = shape.length === 2 && !isTrained(name);
    wide += 4 * count;
    held += (isHeld ? numberBytes(stored, name) : 4) * count;
  }
  const reference = await engine.forward(pack, { adapter: false, keep: false, best: true });
  const logps = await engine.forward(pack, { adapter: true, keep: true, dropoutStep: 3 });
  await engine.backward(Float64Array.from(logps, (_, i) => 1 - 0.3 * (i % 5)));
  const gradients = await engine.parameters.gradients();
  await engine.dispose();
  return { results: { reference, logps, gradients }, bytes, wide, held };
}

const last = [...tensorShapes(config).keys()].filter((name) => name.startsWith("model.layers.1."));
const CASES: Record<string, Omit<EngineOptions, "config">> = {
  "LoRA, checkpointing": { tuning: { type: "lora", modules, dropout: 0 }, checkpointing: true },
  "LoRA with dropout and smoothed labels": {
    tuning: { type: "lora", modules, dropout: 0.2 },
    checkpointing: false,
    labelSmoothing: 0.1,
  },
  "DoRA": { tuning: { type: "lora", modules: dora, dropout: 0 }, checkpointing: true },
  "the last layer trained": { tuning: { type: "freeze", tensors: last }, checkpointing: true },
  "all trained": { tuning: { type: "full" }, checkpointing: true },
};

/** All of them on the two kinds of file that differ in how they are read; a step of LoRA has every product, the embedding and the head. */
const casesOf = (stored: Stored) =>
  Object.entries(CASES).filter(([what]) =>
    ["bfloat16", "blocks"].includes(stored) || what === "LoRA, checkpointing"
  );

for (const stored of Object.keys(STORED) as Stored[]) {
  for (const [what, options] of casesOf(stored)) {
    Deno.test({
      name:
        `frozen matrices of a file of ${stored} take no more memory and give float32's bits (${what}${because})`,
      ignore,
      async fn() {
        const right = await step(options, "read", stored), found = await step(options, "pieces", stored);
        assertEquals([right.bytes, found.bytes], [right.wide, found.held]);
        assertEquals(found.results, right.results);
      },
    });
  }
}

Deno.test({
  name: `log-probabilities with matrices left in bfloat16 are PyTorch's${because}`,
  ignore,
  async fn() {
    const { results: { reference } } = await step(CASES["LoRA, checkpointing"]!, "pieces", "bfloat16");
    const expected: number[] = golden.bf16.token_logps.flat();
    expected.forEach((value, i) => assertAlmostEquals(reference[i]!, value, 5e-5, `log-probability ${i}`));
  },
});

for (const stored of Object.keys(STORED) as Stored[]) {
  Deno.test({
    name: `a model left in ${stored} gives float32's logits where it generates block after block${because}`,
    ignore,
    async fn() {
      const logits = async (reading: Reading) => {
        const { config, read, close } = await opened(reading, stored);
        const engine = new GenerationEngine(
          onnxBackend({ threads: 2 }),
          { config, tuning: { type: "none" } },
          read,
        );
        const all = [...await engine.add([3, 1, 4, 1, 5, 9, 2, 6])];
        for (const id of [6, 5, 3]) all.push(...await engine.step([id]));
        await engine.dispose();
        close();
        return all;
      };
      const found = await logits("pieces");
      assertEquals(found.length, 4 * config.vocabSize);
      assertEquals(found, await logits("read"));
    },
  });
}

Deno.test({
  name:
    `with quantization_bit a file's own blocks of as few bits lie as they are, to the same bits${because}`,
  ignore,
  async fn() {
    const { weights } = await quantisedModel(),
      pack = packExamples([idsExample({ s: [[3, 1, 4], [1, 5, 9]] })]);
    const tuning = { type: "lora", modules, dropout: 0 } as const;
    const step = async (bits: 4 | 8 | null) => {
      const backend = onnxBackend({ threads: 2 });
      const read = packedReader(weights, config, bits, { tuning, backend });
      const engine = new Engine(
        backend,
        { config, tuning, checkpointing: true },
        read,
        initialOf(config, tuning),
      );
      const logps = await engine.forward(pack, { adapter: true, keep: true });
      await engine.backward(Float64Array.from(logps, () => 1));
      const found = { logps, gradients: await engine.parameters.gradients() };
      assertEquals(engine.parameters.isPacked, false);
      await engine.dispose();
      return found;
    };
    const right = await step(null);
    for (const bits of [4, 8] as const) assertEquals(await step(bits), right);
    // The embedding's Q8_0 has 8 bits; other backends hold no blocks.
    const backend = onnxBackend({ threads: 1 }), name = "model.embed_tokens.weight", shape = [128, 32];
    const holds = (bits: 4 | 8) => backend.holdsBlocks?.(weights.pieces(name), shape, bits);
    assertEquals([holds(4), holds(8)], [false, true]);
    const other = onnxBackend({ threads: 1, native: false });
    assertEquals(other.holdsBlocks?.(weights.pieces(name), shape, 8), false);
    for (const one of [backend, other]) await one.dispose();
    weights.close();
  },
});
