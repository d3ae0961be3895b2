/** Adapters of more than linear modules: by hand, and DoRA beside PEFT's own merge (fixtures/goldens/peft/dora). */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { SafetensorsFile, writeSafetensors } from "../safetensors/mod.ts";
import { type ModuleShapes, readAdapterConfig, readWholeAdapter, wholeMerge } from "./mod.ts";

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/${path}`, import.meta.url).pathname);

const Q = "model.layers.0.self_attn.q_proj", EMBEDDING = "model.embed_tokens", NORM = "model.norm.weight";
/** Three tokens of two numbers. */
const TENSORS = new Map([[`${EMBEDDING}.weight`, [3, 2]], [`${Q}.weight`, [2, 2]], [`${Q}.bias`, [2]], [
  NORM,
  [2],
]]);
const MODULES: ModuleShapes = new Map([[Q, [2, 2]]]);
const UNTIED = new Map([...TENSORS, ["lm_head.weight", [3, 2]]]);

type Written = Record<string, [number[], number[]]>;

/** All merged tensors of an adapter over a base of ones. */
function merged(fields: Record<string, unknown>, written: Written, tensors: Map<string, number[]> = UNTIED) {
  const directory = Deno.makeTempDirSync();
  try {
    const config = { peft_type: "LORA", r: 1, lora_alpha: 2, target_modules: ["q_proj"], ...fields };
    Deno.writeTextFileSync(join(directory, "adapter_config.json"), JSON.stringify(config));
    writeSafetensors(
      join(directory, "adapter_model.safetensors"),
      Object.entries(written).map(([name, [shape, values]]) => ({
        name: `base_model.model.${name}`,
        dtype: "F32",
        shape,
        data: () => Float32Array.from(values),
      })),
    );
    const adapter = readWholeAdapter(directory, MODULES, tensors);
    const ones = (name: string) =>
      new Float32Array((tensors.get(name) ?? [3, 2]).reduce((a, b) => a * b, 1)).fill(1);
    const read = wholeMerge(ones, adapter);
    const names = [...tensors.keys(), ...(adapter.unties ? ["lm_head.weight"] : [])];
    return Object.fromEntries(names.map((name) => [name, [...read(name)]]));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** W + 2 · [1 0]ᵀ [3 4] */
const LORA: Written = { [`${Q}.lora_A.weight`]: [[1, 2], [3, 4]], [`${Q}.lora_B.weight`]: [[2, 1], [1, 0]] };
const BASE = {
  [`${EMBEDDING}.weight`]: [1, 1, 1, 1, 1, 1],
  [`${Q}.weight`]: [7, 9, 1, 1],
  [`${Q}.bias`]: [1, 1],
  [NORM]: [1, 1],
};
const BASE_UNTIED = { ...BASE, "lm_head.weight": [1, 1, 1, 1, 1, 1] };
const SIX = [1, 2, 3, 4, 5, 6];

Deno.test("readWholeAdapter() takes modules saved as a whole and biases, under PEFT's old and new names, in place of the base's", () => {
  const saved = {
    ...LORA,
    "lm_head.weight": [[3, 2], SIX] as [number[], number[]],
    "model.norm.weight": [[2], [5, 6]] as [number[], number[]],
  };
  assertEquals(merged({ modules_to_save: ["lm_head", "norm"] }, saved), {
    ...BASE_UNTIED,
    "lm_head.weight": SIX,
    [NORM]: [5, 6],
  });
  for (const name of [`${Q}.base_layer.bias`, `${Q}.bias`]) {
    assertEquals(merged({ bias: "lora_only" }, { ...LORA, [name]: [[2], [8, 9]] }), {
      ...BASE_UNTIED,
      [`${Q}.bias`]: [8, 9],
    });
  }
  // as PEFT saves an embedding that LoRA stands on
  const old: Written = { ...LORA, [`${EMBEDDING}.modules_to_save.default.weight`]: [[3, 2], SIX] };
  assertEquals(merged({ modules_to_save: ["embed_tokens"] }, old)[`${EMBEDDING}.weight`], SIX);
});

Deno.test("readWholeAdapter() merges LoRA of embedding and head, and single rows of the embedding", () => {
  // rows are looked up: W + 2 · (B A)ᵀ with A [1, 3], B [2, 1]
  const embedding: Written = {
    [`${EMBEDDING}.lora_embedding_A`]: [[1, 3], [1, 2, 3]],
    [`${EMBEDDING}.lora_embedding_B`]: [[2, 1], [1, -1]],
    [`${EMBEDDING}.base_layer.weight`]: [[3, 2], [0, 0, 0, 0, 0, 0]],
  };
  const rows = [2, -2, 4, -4, 6, -6];
  assertEquals(merged({ target_modules: ["embed_tokens"] }, embedding)[`${EMBEDDING}.weight`], rows);
  const head: Written = {
    "lm_head.lora_A.weight": [[1, 2], [1, 2]],
    "lm_head.lora_B.weight": [[3, 1], [1, 0, -1]],
  };
  assertEquals(merged({ target_modules: ["lm_head"] }, head)["lm_head.weight"], [3, 5, 1, 1, -1, -3]);
  const tokens: Written = {
    ...LORA,
    [`${EMBEDDING}.token_adapter.trainable_tokens_delta`]: [[2, 2], [5, 6, 7, 8]],
  };
  for (const trainable_token_indices of [[2, 0], { embed_tokens: [2, 0] }]) {
    assertEquals(merged({ trainable_token_indices }, tokens)[`${EMBEDDING}.weight`], [7, 8, 1, 1, 5, 6]);
  }
  // one tensor for both: what changes one of them alone unties them, rows of both and a kept tie don't
  assertEquals(merged({ target_modules: ["lm_head"] }, head, TENSORS)["lm_head.weight"], [
    3,
    5,
    1,
    1,
    -1,
    -3,
  ]);
  assertEquals(merged({ target_modules: ["embed_tokens"] }, embedding, TENSORS), {
    ...BASE_UNTIED,
    [`${EMBEDDING}.weight`]: rows,
    [`${Q}.weight`]: [1, 1, 1, 1],
  });
  assertEquals(Object.keys(merged({ trainable_token_indices: [2, 0] }, tokens, TENSORS)), Object.keys(BASE));
  const kept: Written = { ...LORA, [`${EMBEDDING}.weight`]: [[3, 2], SIX] };
  const tying = { modules_to_save: ["embed_tokens"], ensure_weight_tying: true };
  assertEquals(merged(tying, kept, TENSORS), { ...BASE, [`${EMBEDDING}.weight`]: SIX });
});

Deno.test("readWholeAdapter() refuses what is missing, foreign, of another vocabulary or tied in another way", () => {
  const resized: Written = { ...LORA, [`${EMBEDDING}.weight`]: [[4, 2], [...SIX, 7, 8]] };
  for (
    const [fields, written, message, tensors] of [
      [{ modules_to_save: ["score"] }, LORA, 'whose weights it has: current value is "score"', UNTIED],
      [
        { modules_to_save: ["embed_tokens"] },
        resized,
        "has the shape [4, 2], the model and the configuration ask for [3, 2]. Is it of another model?",
        UNTIED,
      ],
      [
        { trainable_token_indices: [3] },
        LORA,
        "must be rows of model.embed_tokens or lm_head, below 3",
        UNTIED,
      ],
      [
        { trainable_token_indices: { lm_head: [0] } },
        LORA,
        "must be rows of model.embed_tokens, below 3",
        TENSORS,
      ],
      [{ use_dora: true }, LORA, 'lora_magnitude_vector", which target_modules ask for, is missing', UNTIED],
      [
        { lora_bias: true },
        LORA,
        "lora_bias is true; this isn't supported. Merge the adapter with peft",
        UNTIED,
      ],
      [{}, { ...LORA, "model.other.weight": [[1], [1]] }, "has no place in the model", UNTIED],
      [
        { target_modules: ["lm_head"], ensure_weight_tying: true },
        LORA,
        "ensure_weight_tying is true, with LoRA on",
        TENSORS,
      ],
    ] as [Record<string, unknown>, Written, string, Map<string, number[]>][]
  ) {
    assertThrows(() => merged(fields, written, tensors), Error, message);
  }
});

Deno.test("wholeMerge() equals PEFT's merge of DoRA", () => {
  assertThrows(
    () => readAdapterConfig(golden("peft/dora/adapter")),
    RangeError,
    "Merge the adapter by `deno task export`",
  );
  using base = new SafetensorsFile(golden("tiny/qwen2/model/model.safetensors"));
  using expected = new SafetensorsFile(golden("peft/dora/merged_weights.safetensors"));
  const tensors = new Map([...base.tensors.values()].map(({ name, shape }) => [name, shape]));
  const modules: ModuleShapes = new Map(
    [...tensors].filter(([name]) => name.endsWith("_proj.weight"))
      .map(([name, shape]) => [name.replace(/\.weight$/, ""), shape as [number, number]]),
  );
  const adapter = readWholeAdapter(golden("peft/dora/adapter"), modules, tensors);
  const read = wholeMerge((name) => base.readFloat32(name), adapter);
  assertEquals(expected.tensors.size, adapter.modules.size);
  for (const name of expected.tensors.keys()) {
    const values = expected.readFloat32(name);
    read(name).forEach((v, i) => assertAlmostEquals(v, values[i]!, 1e-6, `${name}[${i}]`));
  }
});
