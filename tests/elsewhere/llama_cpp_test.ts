/** Exports in llama.cpp: the engine's greedy ids and probabilities, of a merged model and of an adapter beside its base. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { item } from "../../formats/elements.ts";
import { deinterleave, GgufFile, type GgufTyped, writeGguf } from "../../formats/gguf/mod.ts";
import { openModel } from "../../formats/hf_model/mod.ts";
import { mergedWeights, readAdapter } from "../../formats/peft/mod.ts";
import { moduleShapes } from "../../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { decoderOf } from "../../plugins/kinds/decoder_of.ts";
import { exportModel } from "../../tasks/export.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { greedyIds } from "../helpers/greedy.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { writeByteTokenizer } from "./_byte_tokenizer.ts";

const root = new URL("../../", import.meta.url).pathname;
const COUNT = 8;

interface Family {
  /** Heads of the tiny model, where llama.cpp has rows of q and k in an order of its own; null: PEFT's order is llama.cpp's. */
  heads: Record<string, number> | null;
  /** A prompt behind which no two likeliest tokens are so near (smollm3: 0.07 of a logit) that float16 exchanges them. */
  prompt: readonly number[];
  /** What llama.cpp needs to be otherwise in its config.json. */
  change?: Record<string, unknown>;
}

const FAMILIES: Readonly<Record<string, Family>> = {
  llama: { heads: { attn_q: 4, attn_k: 2 }, prompt: [3, 14, 15, 92, 65, 35] },
  smollm3: { heads: { attn_q: 2, attn_k: 1 }, prompt: [7, 70, 11, 52, 33, 61] },
  granite: { heads: { attn_q: 4, attn_k: 2 }, prompt: [11, 59, 43, 51, 51, 83] },
  olmo2: { heads: null, prompt: [3, 14, 15, 92, 65, 35] },
  // llama.cpp's own windows, on three of four layers
  olmo3: {
    heads: null,
    prompt: [3, 14, 15, 92, 65, 35],
    change: { layer_types: Array(3).fill("sliding_attention") },
  },
  // it has windows in a model of 64 layers alone
  exaone4: {
    heads: null,
    prompt: [3, 14, 15, 92, 65, 35],
    change: { layer_types: Array(3).fill("full_attention"), sliding_window: null },
  },
  ernie45: { heads: null, prompt: [3, 14, 15, 92, 65, 35] },
  hunyuan: { heads: null, prompt: [3, 14, 15, 92, 65, 35] },
  glm4: { heads: null, prompt: [3, 14, 15, 92, 65, 35] },
  gemma: { heads: null, prompt: [3, 14, 15, 92, 65, 35] },
  // llama.cpp's own scale of scores
  gemma2: { heads: null, prompt: [100, 90, 80, 70, 60, 50], change: { query_pre_attn_scalar: 16 } },
  // llama.cpp's own windows, on five of six layers, and scale of scores.
  gemma3: {
    heads: null,
    prompt: [3, 14, 15, 92, 65, 35],
    change: { layer_types: Array(3).fill("sliding_attention"), query_pre_attn_scalar: 16 },
  },
};

/** A tiny model with a tokenizer, which a GGUF file needs. */
function withTokenizer(tiny: string, folder: string, change: Record<string, unknown>): string {
  Deno.mkdirSync(folder);
  for (const { name } of Deno.readDirSync(`${tiny}/model`)) {
    Deno.copyFileSync(`${tiny}/model/${name}`, `${folder}/${name}`);
  }
  const path = `${folder}/config.json`, config = JSON.parse(Deno.readTextFileSync(path));
  Deno.writeTextFileSync(path, JSON.stringify({ ...config, ...change }));
  writeByteTokenizer(folder);
  return folder;
}

/** The adapter's file with the rows of B of q and k as PEFT has them. */
function unpermuted(path: string, target: string, heads: Readonly<Record<string, number>>): string {
  using file = new GgufFile(path);
  const metadata = new Map<string, GgufTyped>();
  for (const [key, value] of file.metadata) {
    if (typeof value === "string") metadata.set(key, { type: "string", value });
    else if (key === "adapter.lora.alpha") metadata.set(key, { type: "f32", value: Number(value) });
  }
  writeGguf(
    target,
    metadata,
    [...file.tensors.keys()].map((name) => {
      const { shape } = file.info(name), values = file.readFloat32(name);
      const [, module = ""] = /(attn_[qk])\.weight\.lora_b$/.exec(name) ?? [], count = heads[module];
      const data = count === undefined ? values : deinterleave(values, item(shape, 0), count);
      return { name, shape, encoding: "F32", data: () => data };
    }),
  );
  return target;
}

for (const [family, { heads, prompt, change = {} }] of Object.entries(FAMILIES)) {
  Deno.test({
    name:
      `llama.cpp gives the engine's greedy ids and probabilities from a GGUF model and a GGUF adapter of ${family}${
        heads ? ", and others where rows of B lie in PEFT's order" : ""
      }${ELSEWHERE.why}`,
    ignore: ELSEWHERE.ignore,
    fn: async () => {
      const tiny = join(root, "fixtures/goldens/tiny", family);
      const folder = temporaryFolder(), base = withTokenizer(tiny, join(folder, "base"), change);
      const exported = async (name: string, ...more: string[]) => {
        const common = [
          `model_name_or_path=${base}`,
          `export_dir=${join(folder, name)}`,
          "export_check=false",
        ];
        await exportModel(undefined, [...common, ...more], { say: () => {} });
        return join(folder, name);
      };
      const adapter = `adapter_name_or_path=${tiny}/adapter`;
      const model = join(await exported("gguf", "export_format=gguf"), "model-F32.gguf");
      const merged = join(
        await exported("merged", "export_format=gguf", "export_dtype=float16", adapter),
        "model-F16.gguf",
      );
      const lora = join(await exported("lora", "export_format=gguf-adapter", adapter), "adapter-F32.gguf");
      const wrong = heads && unpermuted(lora, join(folder, "wrong.gguf"), heads);

      const asked = (model: string, adapter: string | null) => ({
        model,
        adapter,
        prompt,
        count: COUNT,
      });
      const [alone, beside, whole, misplaced] = await askElsewhere<
        unknown,
        { version: string; ids: number[]; probabilities: number[] }[]
      >("node", "llama_cpp.mjs", [
        asked(model, null),
        asked(model, lora),
        asked(merged, null),
        ...wrong ? [asked(model, wrong)] : [],
      ]);
      const opened = await openModel(base), decoder = decoderOf(builtinRegistry(), opened);
      const read = (name: string) => opened.weights.read(name);
      const tuned = mergedWeights(read, readAdapter(`${tiny}/adapter`, moduleShapes(decoder)));
      const ours = {
        base: await greedyIds(decoder, read, prompt, COUNT),
        tuned: await greedyIds(decoder, tuned, prompt, COUNT),
      };
      opened.weights.close();
      assertEquals(alone?.version, "3.22.1");
      // llama.cpp keeps keys and values in float16
      for (
        const [found, expected, tolerance, label] of [
          [alone, ours.base, 3e-3, "base"],
          [beside, ours.tuned, 3e-3, "adapter"],
          [whole, ours.tuned, 3e-3, "merged, float16"],
        ] as const
      ) {
        assertEquals(found?.ids, expected.ids, label);
        expected.probabilities.forEach((p, i) =>
          assert(
            Math.abs(p - (found?.probabilities[i] ?? NaN)) <= tolerance,
            `${label}: ${found?.probabilities}, ${expected.probabilities}`,
          )
        );
      }
      assert(ours.tuned.ids.join() !== ours.base.ids.join(), "the adapter changes the answer");
      if (!wrong) return;
      const first = misplaced?.probabilities[0] ?? NaN;
      assert(
        Math.abs(first - item(ours.tuned.probabilities, 0)) > 1e-2,
        `${first}, ${ours.tuned.probabilities}`,
      );
    },
  });
}
