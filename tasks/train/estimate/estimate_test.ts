import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import type { Loss } from "../../../plugins/kinds/loss.ts";
import { estimate, type EstimateParts, SHARE_OF_PEAK } from "./estimate.ts";
import { estimateText, memoryWarning } from "./estimate_text.ts";
import type { WeightStorage } from "../weight_storage.ts";
import { estimatedConfig, exampleOfLengths, SFT_LOSS, SMOLLM2_DECODER } from "./_estimated.ts";

Deno.test("estimate() counts SmolLM2's weights and those of rank 8 on all linear layers", () => {
  const e = estimate(estimatedConfig("max_steps: 1\n"), {
    model: SMOLLM2_DECODER,
    loss: SFT_LOSS,
    train: [exampleOfLengths(3, 2)],
  });
  assertEquals(e.parameters, 134_515_008); // Hugging Face's model page
  // 30 layers of 8 (in + out): q, o 2 (576 + 576), k, v 2 (576 + 192), gate, up, down 3 (576 + 1536)
  assertEquals(e.trained, 30 * 8 * (2 * 1152 + 2 * 768 + 3 * 2112));
  assertEquals(
    estimate(estimatedConfig("max_steps: 1\nlora_target: q_proj,v_proj\n"), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    })
      .trained,
    30 * 8 * (1152 + 768),
  );
  const ofOneLayer = "max_steps: 1\nlora_target: model.layers.3.self_attn.q_proj\n";
  assertEquals(
    estimate(estimatedConfig(ofOneLayer), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    }).trained,
    8 * 1152,
  );
  assertEquals(
    estimate(estimatedConfig("max_steps: 1\nfinetuning_type: full\n"), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
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
    estimatedConfig("max_steps: 1\n"),
    { model: SMOLLM2_DECODER, loss: SFT_LOSS, train: [exampleOfLengths(3, 2)] },
    { storage, adapter },
  );
  assertEquals(continued.trained, (29 * 4 + 2) * 1152);
});

Deno.test("estimate() counts the work of one token as 4 N, 6 N with checkpointing, 8 N with all weights", () => {
  const work = (more: string) =>
    estimate(
      estimatedConfig(`per_device_train_batch_size: 1\nmax_steps: 1\n${more}`),
      { model: SMOLLM2_DECODER, loss: SFT_LOSS, train: [exampleOfLengths(1, 1)] },
    ).flopsPerStep;
  // one row through the blocks (the last label's row isn't laid out), one label through the head
  const [n, attention, head] = [30 * 3_538_944, 2 * 576 * 30, 576 * 49152];
  assertAlmostEquals(work("disable_gradient_checkpointing: true\n"), 4 * (n + attention) + 4 * head, 1);
  assertAlmostEquals(work(""), 6 * (n + attention) + 4 * head, 1);
  assertAlmostEquals(work("finetuning_type: full\n"), 8 * (n + attention) + 6 * head, 1);
});

Deno.test("estimate() counts answers as long as they may be, and the model that draws them with its keys and values", () => {
  const keys = "per_device_train_batch_size: 8\nmax_steps: 1\n", answer = exampleOfLengths(100, 200);
  const of = (more: string, beta = 0, parts: EstimateParts = {}) =>
    estimate(
      estimatedConfig(`stage: grpo\nnum_generations: 4\nmax_new_tokens: 200\n${keys}${more}`),
      {
        model: SMOLLM2_DECODER,
        loss: builtinRegistry().create("loss", "grpo", { beta }),
        train: [exampleOfLengths(100, 2), exampleOfLengths(100, 2)],
      },
      { gflops: 100, ...parts },
    );
  const drawn = of(""),
    learnt = estimate(
      estimatedConfig(keys),
      { model: SMOLLM2_DECODER, loss: SFT_LOSS, train: Array.from({ length: 8 }, () => answer) },
      { gflops: 100 },
    );
  for (const key of ["rowsPerExample", "largestExample", "flopsPerStep", "steps"] as const) {
    assertEquals(drawn[key], learnt[key], key);
  }
  // keys and values of 30 layers with 3 heads of 64, four answers with room for 512 tokens
  const cache = 4 * 2 * 30 * 3 * 64 * 512 * 4, { memory } = drawn;
  assertEquals(memory.drawing, 4 * 134_515_008 + cache);
  assertEquals({ ...memory, total: 0, drawing: 0 }, { ...learnt.memory, total: 0, drawing: 0 });
  assertAlmostEquals(memory.total, learnt.memory.total + 4 * 134_515_008 + cache, 1);
  const storage = { bytes: 0.625, text: "4 bits" };
  assertAlmostEquals(
    of("", 0, { storage, isPacked: true }).memory.drawing ?? NaN,
    0.625 * 134_515_008 + cache,
    1,
  );
  // what is held as 16 bits while it is learnt is float32 where it answers
  assertEquals(of("", 0, { storage: { bytes: 2, text: "bfloat16" } }).memory.drawing, memory.drawing);
  // the reference of new answers is asked in each step: 2 N of each row, with attention and head
  const { flopsPerStep, time } = of("grpo_beta: 0.1\n", 0.1);
  const pairs = 299 * 300 / 2, rows = 299 * 30 * 3_538_944, head = 200 * 576 * 49152;
  assertAlmostEquals(
    (flopsPerStep - drawn.flopsPerStep) / (8 * 2 * (rows + 2 * pairs * 576 * 30 + head)),
    1,
    1e-9,
  );
  assertEquals(time?.reference, 0);
  const text = estimateText(drawn);
  assertStringIncludes(text, "the model that draws answers ");
  assertStringIncludes(
    text,
    "count 200 tokens for each (max_new_tokens); drawing and judging them isn't in the time",
  );
});

Deno.test("estimate() counts a second pass, whole logits and, of full tuning, a second model where a loss measures a divergence", () => {
  const of = (more: string, loss: Loss) =>
    estimate(estimatedConfig(`per_device_train_batch_size: 1\nmax_steps: 1\n${more}`), {
      model: SMOLLM2_DECODER,
      loss,
      train: [exampleOfLengths(1, 1)],
    });
  const asft = { ...SFT_LOSS, labelMeasure: "divergence" } as const;
  const eaft = { ...SFT_LOSS, labelMeasure: "top_entropy" } as const;
  const [n, attention, head] = [30 * 3_538_944, 2 * 576 * 30, 576 * 49152], chunk = 128 * 49152;
  for (const [more, weights] of [["", 0], ["finetuning_type: full\n", 4 * 134_515_008]] as const) {
    const plain = of(more, SFT_LOSS), anchored = of(more, asft), weighed = of(more, eaft);
    assertAlmostEquals(anchored.flopsPerStep - plain.flopsPerStep, 2 * (n + attention + head), 1);
    assertEquals(anchored.memory.weights - plain.memory.weights, weights);
    assertEquals(anchored.memory.activations - plain.memory.activations, 28 * chunk);
    assertEquals(weighed.flopsPerStep, plain.flopsPerStep);
    assertEquals(weighed.memory.activations - plain.memory.activations, 4 * chunk);
  }
});

Deno.test("estimate() turns work into time, the reference pass included", () => {
  const c = estimatedConfig("stage: dpo\nper_device_train_batch_size: 1\nnum_train_epochs: 2\n");
  const dpo = builtinRegistry().create("loss", "dpo");
  const e = estimate(c, {
    model: SMOLLM2_DECODER,
    loss: dpo,
    train: [exampleOfLengths(5, 5), exampleOfLengths(5, 5)],
  }, {
    gflops: 100,
  });
  assertEquals(e.steps, 4);
  assert(e.time);
  assertAlmostEquals(e.time.step, e.flopsPerStep / (1e11 * SHARE_OF_PEAK), 1e-12);
  assertAlmostEquals(e.time.total, 4 * e.time.step + e.time.reference, 1e-12);
  assert(e.time.reference > 0);
  assertStringIncludes(estimateText(e), "134.5 million");
});

Deno.test("estimate() of one layer of 30 trained: the way back ends there, and one program makes all layers again", () => {
  const head = 4 * 2 * 576 * 49152; // two labels
  const blocks = (more: string) =>
    estimate(estimatedConfig(`max_steps: 1\nbackend: onnx\n${more}`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    }).flopsPerStep -
    head;
  const freeze = "finetuning_type: freeze\nfreeze_trainable_layers: 1\n";
  // adapters: forward, gradients of activations, forward again
  const forward = blocks("") / 3, onDevice = blocks("provider: cuda\n") / 3;
  assertAlmostEquals(blocks(freeze) / forward, 1 + 3 / 30, 1e-9);
  assertAlmostEquals(blocks(`${freeze}provider: cuda\n`) / onDevice, 1 + 2 / 30 + 1, 1e-9);
  const ofHead =
    "finetuning_type: freeze\nfreeze_trainable_layers: 0\nfreeze_extra_modules: lm_head\nprovider: cuda\n";
  const untied = { ...SMOLLM2_DECODER, tieWordEmbeddings: false };
  const headAlone = estimate(estimatedConfig(`max_steps: 1\nbackend: onnx\n${ofHead}`), {
    model: untied,
    loss: SFT_LOSS,
    train: [exampleOfLengths(3, 2)],
  });
  assertAlmostEquals((headAlone.flopsPerStep - 1.5 * head) / onDevice, 1, 1e-9);
});

Deno.test("estimate() counts no more rows in a pack than there are; a run that needs more memory than the machine has is warned of", () => {
  const train = Array.from({ length: 40 }, () => exampleOfLengths(60, 40));
  const of = (rows: number) =>
    estimate(estimatedConfig(`micro_batch_tokens: ${rows}\n`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: train,
    });
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
    const found = estimate(estimatedConfig(more), { model: SMOLLM2_DECODER, loss: SFT_LOSS, train }, parts);
    return memoryWarning({ ...found, memory: large }, 1)?.replace(/^.* MiB: /, "");
  };
  // A key that is set, isn't taken, or would change nothing is no way.
  const blocks = { bytes: 0.6, fewBits: true, text: "Q4_0" }, alone = "take a smaller model";
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
    estimate(estimatedConfig(`max_steps: 1\n${more}`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    }, {
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

Deno.test("estimate() counts what each optimizer keeps: two numbers of one, one, none, or those of a matrix's rows and columns", () => {
  const of = (lines: string) => {
    const { trained, memory } = estimate(estimatedConfig(`max_steps: 1\n${lines}`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    });
    return { trained, bytes: memory.trained };
  };
  const all = 134_515_008;
  // q and o, k and v, gate, up and down
  const sides = 2 * 1152 + 2 * 768 + 3 * 2112;
  // gradient and its next value beside them
  for (
    const [optim, kept] of [["adamw_torch", 2 * all], ["adagrad", all], ["rmsprop", all], ["sgd", 0]] as const
  ) {
    const keys = `finetuning_type: full\noptim: ${optim}\n`;
    assertEquals(of(keys), { trained: all, bytes: 4 * (2 * all + kept) }, optim);
  }
  // the embedding, matrices and two norms of 30 layers, the last norm
  const kept = 49_152 + 576 + 30 * (sides + 2 * 576) + 576;
  assertEquals(of("finetuning_type: full\noptim: adafactor\n").bytes, 4 * (2 * all + kept));
  // A and B of 7 modules, of rank 8; their values are beside the model's
  const adapters = 30 * 8 * sides;
  assertEquals(of("optim: adafactor\n"), {
    trained: adapters,
    bytes: 4 * (3 * adapters + 30 * (sides + 7 * 2 * 8)),
  });
  assertEquals(of("").bytes, 4 * 5 * adapters);
  // the whole embedding, which is the head too
  const beside = of("optim: adafactor\nadditional_target: embed_tokens\n");
  assertEquals(beside.bytes, 4 * (3 * beside.trained + 30 * (sides + 7 * 2 * 8) + 49_152 + 576));
});

Deno.test("estimate() of a reward model counts its value head, no output head of its own, and one value a sequence", () => {
  const model = { ...SMOLLM2_DECODER, tieWordEmbeddings: false },
    { sequences, ...rest } = exampleOfLengths(3, 20);
  const valued = { ...rest, sequences: sequences.map((s) => ({ ...s, measure: "value" as const })) };
  const of = (lines: string) => {
    const rewards = { model, loss: builtinRegistry().create("loss", "rm"), train: [valued] };
    return estimate(estimatedConfig(`stage: rm\nmax_steps: 1\n${lines}`), rewards);
  };
  const lora = of(""), full = of("finetuning_type: full\n"), d = 576;
  // 134,515,008 with tied embeddings, and a row of d numbers with a bias
  assertEquals([lora.parameters, full.parameters], [134_515_008 + d + 1, 134_515_008 + d + 1]);
  assertEquals(lora.trained, 30 * 8 * (2 * 1152 + 2 * 768 + 3 * 2112) + d + 1);
  assertEquals(full.trained, 134_515_008 + d + 1);
  // rows of all 23 tokens, the last one too
  assertEquals(lora.rowsPerExample, 23);
  const text = estimate(estimatedConfig("max_steps: 1\n"), {
    model,
    loss: SFT_LOSS,
    train: [{ ...rest, sequences }],
  });
  // logits of a chunk of labels, 12 bytes each
  assert(text.memory.activations - lora.memory.activations > 12 * 100 * 49_152);
});

Deno.test("estimate() counts the copy that is written: what is trained, or what the optimizer keeps where that is more; on a GPU it lies elsewhere", () => {
  const saving = (lines: string) =>
    estimate(estimatedConfig(`max_steps: 1\nfinetuning_type: full\n${lines}`), {
      model: SMOLLM2_DECODER,
      loss: SFT_LOSS,
      train: [exampleOfLengths(3, 2)],
    }).memory;
  const all = 4 * 134_515_008;
  assertEquals(saving("optim: adafactor\n").saving, all);
  assertEquals(saving("").saving, 2 * all);
  assertEquals(saving("save_only_model: true\n").saving, all);
  assertEquals(saving("backend: onnx\nprovider: cuda\n").saving, undefined);
  // measured, resident memory of a step of 24 tokens at its peak and of its saving (docs/performance_log.md)
  const { weights, trained, runtime, saving: copy = 0 } = saving("optim: adafactor\n");
  assertAlmostEquals((weights + trained + runtime + copy) / 2 ** 20, 2_196, 220);
});

Deno.test("estimate() counts steps of packs where examples are laid together, and the same work of an epoch", () => {
  const train = Array.from({ length: 6 }, () => exampleOfLengths(3, 2));
  const of = (bins: number | null) =>
    estimate(
      estimatedConfig(
        "per_device_train_batch_size: 1\ngradient_accumulation_steps: 1\nnum_train_epochs: 2\n",
      ),
      { model: SMOLLM2_DECODER, loss: SFT_LOSS, train, bins },
    );
  const alone = of(null), packed = of(2);
  // by hand: 6 examples, or 2 packs of them, each a step, twice
  assertEquals([alone.steps, packed.steps], [12, 4]);
  assertAlmostEquals(packed.flopsPerStep, 3 * alone.flopsPerStep, 1);
});
