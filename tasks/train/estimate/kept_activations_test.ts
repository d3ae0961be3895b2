/** What passes keep in memory, by backend and checkpointing. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import type { DecoderConfig } from "../../../kernels/engine/decoder/decoder_config.ts";
import { estimate } from "./estimate.ts";
import { estimateText } from "./estimate_text.ts";
import { estimatedConfig, exampleOfLengths, SFT_LOSS, SMOLLM2_DECODER } from "./_estimated.ts";

/** Bytes that SmolLM2's activations are reckoned to take, by a configuration that says this too. */
function activationsOf(more: string): number {
  const { memory } = estimate(estimatedConfig(`max_steps: 1\n${more}`), {
    model: SMOLLM2_DECODER,
    loss: SFT_LOSS,
    train: [exampleOfLengths(3, 2)],
  });
  return memory.activations;
}

Deno.test("estimate() counts what packs keep that are handed over together, at most those of a step", () => {
  // Four examples of 1,499 rows a step, a pack each.
  const c = estimatedConfig(
    "max_steps: 1\ngradient_accumulation_steps: 4\nper_device_train_batch_size: 1\nmicro_batch_tokens: 1024\nbackend: webgpu\n",
  );
  const rows = [1, 2, 3, 4].map(() => exampleOfLengths(1490, 10));
  const activations = (together: number) =>
    estimate({ ...c, together }, { model: SMOLLM2_DECODER, loss: SFT_LOSS, train: rows }).memory.activations;
  // With checkpointing 30 blocks' inputs of 576 float32s a row.
  const one = activations(1024), row = 30 * 4 * 576;
  assertEquals(activations(3000) - one, row * (3000 - 1499));
  assertEquals(activations(100_000) - one, row * 3 * 1499);
});

Deno.test("estimate() of ONNX Runtime's CUDA provider counts kept activations, whole attention, and passes as with checkpoints", () => {
  const of = (more: string) =>
    estimate(estimatedConfig(`max_steps: 1\n${more}`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    });
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
    estimate(estimatedConfig(`max_steps: 1\nbackend: webgpu\n${more}`), {
      model,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    })
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
  const more = 4 * 1024 * 30 * 2 * 576;
  assertEquals(activationsOf("backend: onnx\n") - activationsOf("backend: webgpu\n"), more);
  assertEquals(
    activationsOf("backend: onnx\n") - activationsOf("backend: onnx\nquantization_bit: 4\n"),
    more,
  );
});

Deno.test("estimate() counts the two gradients of the head that smoothed labels add where all weights are trained", () => {
  const full = "finetuning_type: full\n", smoothed = "label_smoothing_factor: 0.1\n";
  assertEquals(activationsOf(full + smoothed) - activationsOf(full), 2 * 4 * 49152 * 576);
  assertEquals(activationsOf(smoothed), activationsOf(""));
});
