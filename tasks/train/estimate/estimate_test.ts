import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";

import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import { resolveTrainConfig, type TrainConfig } from "../config/mod.ts";
import type { EncodedExample } from "../../../kernels/engine/packs/encoded.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { estimate, type EstimateParts, SHARE_OF_PEAK } from "./estimate.ts";
import { estimateText, memoryWarning } from "./estimate_text.ts";
import type { WeightStorage } from "../weight_storage.ts";

// SmolLM2-135M's config.json
const SMOLLM2: DecoderConfig = builtinRegistry().create("model", "llama").parse({
  model_type: "llama",
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  vocab_size: 49152,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
  max_position_embeddings: 8192,
  hidden_act: "silu",
  eos_token_id: 2,
});

function config(more: string): TrainConfig {
  const base = "model_name_or_path: m\noutput_dir: o\ndo_train: true\ndataset: d\ntemplate: qwen\n";
  return resolveTrainConfig(parseYaml(base + more, "t.yaml")).config;
}

function example(prompt: number, answer: number): EncodedExample {
  const ids = Array.from({ length: prompt + answer }, (_, i) => i);
  return {
    index: 0,
    source: { file: "", row: 0 },
    sequences: [{ name: "xy", input_ids: ids, labels: ids.map((id, i) => i < prompt ? -100 : id) }],
  };
}

const sft = builtinRegistry().create("loss", "sft");

Deno.test("estimate() counts SmolLM2's weights and those of rank 8 on all linear layers", () => {
  const e = estimate(config("max_steps: 1\n"), { model: SMOLLM2, loss: sft, train: [example(3, 2)] });
  assertEquals(e.parameters, 134_515_008); // Hugging Face's model page
  // 30 layers of 8 (in + out): q, o 2 (576 + 576), k, v 2 (576 + 192), gate, up, down 3 (576 + 1536)
  assertEquals(e.trained, 30 * 8 * (2 * 1152 + 2 * 768 + 3 * 2112));
  assertEquals(
    estimate(config("max_steps: 1\nlora_target: q_proj,v_proj\n"), {
      model: SMOLLM2,
      loss: sft,
      train: [example(3, 2)],
    })
      .trained,
    30 * 8 * (1152 + 768),
  );
  const ofOneLayer = "max_steps: 1\nlora_target: model.layers.3.self_attn.q_proj\n";
  assertEquals(
    estimate(config(ofOneLayer), { model: SMOLLM2, loss: sft, train: [example(3, 2)] }).trained,
    8 * 1152,
  );
  assertEquals(
    estimate(config("max_steps: 1\nfinetuning_type: full\n"), {
      model: SMOLLM2,
      loss: sft,
      train: [example(3, 2)],
    }).trained,
    134_515_008,
  );
  // a continued adapter: its own rank, modules and pattern count, not the configuration's
  const adapter = {
    baseModel: null,
    revision: null,
    r: 4,
    alpha: 8,
    dropout: 0,
    useRslora: false,
    useDora: false,
    rankPattern: { "layers.3.self_attn.q_proj": 2 },
    alphaPattern: {},
    targetModules: ["q_proj"],
  };
  const storage = { bytes: 4, text: "float32" };
  const continued = estimate(
    config("max_steps: 1\n"),
    { model: SMOLLM2, loss: sft, train: [example(3, 2)] },
    { storage, adapter },
  );
  assertEquals(continued.trained, (29 * 4 + 2) * 1152);
});

Deno.test("estimate() counts the work of one token as 4 N, 6 N with checkpointing, 8 N with all weights", () => {
  const work = (more: string) =>
    estimate(
      config(`per_device_train_batch_size: 1\nmax_steps: 1\n${more}`),
      { model: SMOLLM2, loss: sft, train: [example(1, 1)] },
    ).flopsPerStep;
  // one row through the blocks (the last label's row isn't laid out), one label through the head
  const [n, attention, head] = [30 * 3_538_944, 2 * 576 * 30, 576 * 49152];
  assertAlmostEquals(work("disable_gradient_checkpointing: true\n"), 4 * (n + attention) + 4 * head, 1);
  assertAlmostEquals(work(""), 6 * (n + attention) + 4 * head, 1);
  assertAlmostEquals(work("finetuning_type: full\n"), 8 * (n + attention) + 6 * head, 1);
});

Deno.test("estimate() counts what packs keep that are handed over together, at most those of a step", () => {
  // Four examples of 1,499 rows a step, a pack each.
  const c = config(
    "max_steps: 1\ngradient_accumulation_steps: 4\nper_device_train_batch_size: 1\nmicro_batch_tokens: 1024\nbackend: webgpu\n",
  );
  const rows = [1, 2, 3, 4].map(() => example(1490, 10));
  const activations = (together: number) =>
    estimate({ ...c, together }, { model: SMOLLM2, loss: sft, train: rows }).memory.activations;
  // With checkpointing 30 blocks' inputs of 576 float32s a row.
  const one = activations(1024), row = 30 * 4 * 576;
  assertEquals(activations(3000) - one, row * (3000 - 1499));
  assertEquals(activations(100_000) - one, row * 3 * 1499);
});

Deno.test("estimate() turns work into time, the reference pass included", () => {
  const c = config("stage: dpo\nper_device_train_batch_size: 1\nnum_train_epochs: 2\n");
  const dpo = builtinRegistry().create("loss", "dpo");
  const e = estimate(c, { model: SMOLLM2, loss: dpo, train: [example(5, 5), example(5, 5)] }, {
    gflops: 100,
  });
  assertEquals(e.steps, 4);
  assert(e.time);
  assertAlmostEquals(e.time.step, e.flopsPerStep / (1e11 * SHARE_OF_PEAK), 1e-12);
  assertAlmostEquals(e.time.total, 4 * e.time.step + e.time.reference, 1e-12);
  assert(e.time.reference > 0);
  assertStringIncludes(estimateText(e), "134.5 million");
});

Deno.test("estimate() of ONNX Runtime's CUDA provider counts kept activations, whole attention, and passes as with checkpoints", () => {
  const of = (more: string) =>
    estimate(config(`max_steps: 1\n${more}`), { model: SMOLLM2, loss: sft, train: [example(3, 2)] });
  const cuda = of("backend: onnx\nprovider: cuda\n");
  assertEquals(cuda.place, "device");
  // 1,024 rows at once: 30 layers keep 2 (576 + 576 + 192 + 1536) floats a row; one works on 6 (576 + 1536) + 4 (576 + 192)
  // a row and on 3 of [9, 1024, 1024]; a chunk of the head on 3 of [128, 49152].
  assertEquals(
    cuda.memory.activations,
    4 * (1024 * (30 * 5760 + 15744) + 3 * 9 * 1024 * 1024 + 3 * 128 * 49152),
  );
  // Gradient checkpointing changes nothing, as nothing can be kept between the two runs of the program.
  assertEquals(of("backend: onnx\nprovider: cuda\ndisable_gradient_checkpointing: true\n"), cuda);
  assertStringIncludes(
    estimateText(cuda),
    "of the device's, and as much as the weights of the host's: weights 513 MiB",
  );
  // Masks of seven modules' inputs, 6 · 576 + 1536 a row and layer, exist all at once.
  const dropout = of("backend: onnx\nprovider: cuda\nlora_dropout: 0.1\n");
  assertEquals(dropout.memory.activations - cuda.memory.activations, 4 * 1024 * 30 * (6 * 576 + 1536));
  assertEquals(of("").place, "host");
  // Tensors that stay there: layers' inputs alone are kept, and the host needs no weights.
  const device = of("backend: onnx\nprovider: cuda\ncuda_tensors: device\n");
  assertEquals(
    device.memory.activations,
    4 * (1024 * (30 * 576 + 15744) + 3 * 9 * 1024 * 1024 + 3 * 128 * 49152),
  );
  const text = estimateText(device);
  assert(text.includes(" of the device's: weights 513 MiB"), text);
  const all = of(
    "backend: onnx\nprovider: cuda\ncuda_tensors: device\ndisable_gradient_checkpointing: true\n",
  );
  assertEquals(all.memory.activations, cuda.memory.activations);
  assert(all.flopsPerStep < device.flopsPerStep, "nothing is computed again");
});

Deno.test("estimate() of one layer of 30 trained: the way back ends there, and one program makes all layers again", () => {
  const head = 4 * 2 * 576 * 49152; // two labels
  const blocks = (more: string) =>
    estimate(config(`max_steps: 1\nbackend: onnx\n${more}`), {
      model: SMOLLM2,
      loss: sft,
      train: [example(3, 2)],
    }).flopsPerStep -
    head;
  const freeze = "finetuning_type: freeze\nfreeze_trainable_layers: 1\n";
  // adapters: forward, gradients of activations, forward again
  const forward = blocks("") / 3, onDevice = blocks("provider: cuda\n") / 3;
  assertAlmostEquals(blocks(freeze) / forward, 1 + 3 / 30, 1e-9);
  assertAlmostEquals(blocks(`${freeze}provider: cuda\n`) / onDevice, 1 + 2 / 30 + 1, 1e-9);
  const ofHead =
    "finetuning_type: freeze\nfreeze_trainable_layers: 0\nfreeze_extra_modules: lm_head\nprovider: cuda\n";
  const untied = { ...SMOLLM2, tieWordEmbeddings: false };
  const headAlone = estimate(config(`max_steps: 1\nbackend: onnx\n${ofHead}`), {
    model: untied,
    loss: sft,
    train: [example(3, 2)],
  });
  assertAlmostEquals((headAlone.flopsPerStep - 1.5 * head) / onDevice, 1, 1e-9);
});

Deno.test("estimate() counts inputs of norms behind sub-layers and of queries' and keys' norms, where blocks keep all", () => {
  const registry = builtinRegistry();
  const gemma: DecoderConfig = registry.create("model", "gemma3_text").parse({
    model_type: "gemma3_text",
    hidden_size: 640,
    intermediate_size: 2048,
    num_hidden_layers: 18,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    head_dim: 256,
    vocab_size: 262_144,
    max_position_embeddings: 32_768,
    query_pre_attn_scalar: 256,
    hidden_activation: "gelu_pytorch_tanh",
    eos_token_id: 1,
  });
  const olmo: DecoderConfig = registry.create("model", "olmo2").parse({
    model_type: "olmo2",
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    vocab_size: 100_352,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 500_000,
    tie_word_embeddings: false,
    hidden_act: "silu",
    eos_token_id: 100_257,
  });
  const of = (model: DecoderConfig, more: string) =>
    estimate(config(`max_steps: 1\nbackend: webgpu\n${more}`), { model, loss: sft, train: [example(3, 2)] })
      .memory.activations;
  const all = "disable_gradient_checkpointing: true\n";
  // A plain block's 2 (d + q + kv + f); q and k before their norms; two sums before theirs. An input alone with checkpoints.
  const gemmaRow = 2 * (640 + 1024 + 256 + 2048) + (1024 + 256) + 2 * 640;
  assertEquals(of(gemma, all) - of(gemma, ""), 4 * 1024 * 18 * (17 / 16 * gemmaRow - 640));
  const olmoRow = 2 * (3 * 2048 + 8192) + 2 * 2048 + 2 * 2048;
  assertEquals(of(olmo, all) - of(olmo, ""), 4 * 1024 * 16 * (17 / 16 * olmoRow - 2048));
  assertEquals(
    of({ ...olmo, normPlaces: "before" }, "") - of({ ...olmo, normPlaces: "before", qkNorm: false }, ""),
    4 * 1024 * 2 * 2 * 2048,
  );
});

Deno.test("estimate() counts what checkpointing keeps: blocks' inputs, on a CPU attention's rows and a sum too, not in few bits", () => {
  const of = (more: string) =>
    estimate(config(`max_steps: 1\n${more}`), { model: SMOLLM2, loss: sft, train: [example(3, 2)] }).memory
      .activations;
  const more = 4 * 1024 * 30 * 2 * 576;
  assertEquals(of("backend: onnx\n") - of("backend: webgpu\n"), more);
  assertEquals(of("backend: onnx\n") - of("backend: onnx\nquantization_bit: 4\n"), more);
});

Deno.test("estimate() counts the two gradients of the head that smoothed labels add where all weights are trained", () => {
  const activations = (more: string) =>
    estimate(config(`max_steps: 1\n${more}`), { model: SMOLLM2, loss: sft, train: [example(3, 2)] }).memory
      .activations;
  const full = "finetuning_type: full\n", smoothed = "label_smoothing_factor: 0.1\n";
  assertEquals(activations(full + smoothed) - activations(full), 2 * 4 * 49152 * 576);
  assertEquals(activations(smoothed), activations(""));
});

Deno.test("estimate() counts no more rows in a pack than there are; a run that needs more memory than the machine has is warned of", () => {
  const train = Array.from({ length: 40 }, () => example(60, 40));
  const of = (rows: number) =>
    estimate(config(`micro_batch_tokens: ${rows}\n`), { model: SMOLLM2, loss: sft, train: train });
  assertEquals(of(1e8).memory, of(4000).memory);
  assert(of(2000).memory.activations < of(4000).memory.activations);
  const needs = of(4000), { total } = needs.memory;
  assertEquals(memoryWarning(needs, total), null);
  assertEquals(memoryWarning({ ...needs, place: "device" }, 1), null);
  assertEquals(
    memoryWarning(
      { ...needs, memory: { ...needs.memory, total: 310 * 2 ** 30, activations: 300 * 2 ** 30 } },
      2 ** 30,
    ),
    "warning: memory: the run needs about 310.0 GiB, and this machine has 1.0 GiB: set a smaller micro_batch_tokens, or a smaller " +
      "cutoff_len",
  );
  const large = { ...needs.memory, total: 2 ** 30, activations: 2 ** 20 };
  assertEquals(
    memoryWarning({ ...needs, memory: large, processes: 4 }, 3 * 2 ** 30),
    "warning: memory: the run needs about 4.0 GiB, and this machine has 3.0 GiB: take a smaller model, or quantization_bit: 4",
  );
  const way = (more: string, parts: EstimateParts = {}) => {
    const found = estimate(config(more), { model: SMOLLM2, loss: sft, train }, parts);
    return memoryWarning({ ...found, memory: large }, 1)?.replace(/^.* MiB: /, "");
  };
  // A key that is set, isn't taken, or would change nothing is no way.
  const blocks = { bytes: 0.6, fits: true, text: "Q4_0" }, alone = "take a smaller model";
  for (
    const more of [
      "quantization_bit: 4\n",
      "finetuning_type: full\n",
      "pissa_init: true\npissa_convert: true\n",
      "backend: webgpu\n",
      "trainer: torch\n",
      "adapter_name_or_path: [a, b]\n",
    ]
  ) assertEquals(way(more), alone, more);
  assertEquals(way("quantization_bit: 8\n"), `${alone}, or quantization_bit: 4`);
  assertEquals(way("", { storage: blocks }), alone);
});

Deno.test("estimate() counts float32 beside matrices of 16 bits: frozen copies of what is trained whole, and what PiSSA leaves", () => {
  const weights = (more: string, storage: Partial<WeightStorage> = {}) =>
    estimate(config(`max_steps: 1\n${more}`), { model: SMOLLM2, loss: sft, train: [example(3, 2)] }, {
      storage: { bytes: 2, text: "bfloat16", ...storage },
    }).memory.weights;
  const all = 2 * 134_515_008, embedding = 49152 * 576;
  assertEquals(weights(""), all);
  assertEquals(weights("additional_target: embed_tokens\n"), all + 2 * embedding);
  assertEquals(weights("lora_target: q_proj\n", { wideRest: true }), all + 2 * 30 * 576 * 576);
  assertEquals(weights("additional_target: embed_tokens\n", { bytes: 4 }), 2 * all);
  // The model's own, of which the last layer's are trained.
  const layer = 3_538_944 + 2 * 576;
  assertEquals(weights("finetuning_type: freeze\nfreeze_trainable_layers: 1\n"), all + 2 * layer);
  // A matrix that the file has in float32, counted once where it is so anyway.
  const gate = "model.layers.3.mlp.gate_proj.weight", q = "model.layers.3.self_attn.q_proj.weight";
  const table = "model.embed_tokens.weight";
  const float32 = new Map([[gate, 576 * 1536], [q, 576 * 576], [table, embedding]]);
  const mixed = all + 2 * (576 * 1536 + 576 * 576 + embedding);
  assertEquals(weights("", { float32 }), mixed);
  assertEquals(weights("additional_target: embed_tokens\n", { float32 }), mixed);
  assertEquals(
    weights("lora_target: q_proj\n", { float32, wideRest: true }),
    mixed + 2 * 29 * 576 * 576,
  );
});
