/** Language parts of models that see, against transformers and PEFT in float64 (fixtures/goldens/vision_language). */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { checkTensors, openModel } from "../../formats/hf_model/mod.ts";
import { besideShapes } from "../../formats/hf_model/mod.ts";
import {
  mergedWeights,
  readAdapter,
  readWholeAdapter,
  wholeMerge,
  writeAdapter,
} from "../../formats/peft/mod.ts";
import { SafetensorsFile, writeSafetensors } from "../../formats/safetensors/mod.ts";
import { referenceBackend } from "../../kernels/backends/reference/mod.ts";
import { moduleShapes, tensorShapes } from "../../kernels/engine/decoder/decoder.ts";
import type { DecoderConfig } from "../../kernels/engine/decoder/decoder_config.ts";
import { layeredLogits } from "../../kernels/engine/layerwise/layered_logits.ts";
import { greedyIds } from "../../tests/helpers/greedy.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { builtinRegistry } from "../builtins.ts";
import { decoderOf } from "../kinds/decoder_of.ts";

type Read = (name: string) => Float32Array<ArrayBuffer>;
type Json = Record<string, unknown>;

/** As ../../fixtures/goldens/tiny/README.md suggests for float32. */
const LOGP = 5e-5;
const FAMILIES = ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"] as const;

const golden = (path: string) =>
  decodeURIComponent(new URL(`../../fixtures/goldens/vision_language/${path}`, import.meta.url).pathname);
const readJson = (path: string): Json => JSON.parse(Deno.readTextFileSync(path));

async function assertGolden(family: string, kind: "base" | "lora", decoder: DecoderConfig, read: Read) {
  const { sequences, prompt, [kind]: expected } = readJson(golden(`${family}/golden.json`)) as {
    sequences: number[][];
    prompt: number[];
  } & Record<"base" | "lora", { token_logps: number[][]; greedy: number[] }>;
  for (const [row, ids] of sequences.entries()) {
    const logits = await layeredLogits(referenceBackend(), decoder, { read, ids }),
      V = decoder.vocabSize;
    for (let t = 1; t < ids.length; t++) {
      const at = logits.subarray((t - 1) * V, t * V), top = Math.max(...at);
      const sum = at.reduce((total, value) => total + Math.exp(value - top), 0);
      assertAlmostEquals(at[ids[t]!]! - top - Math.log(sum), expected.token_logps[row]![t - 1]!, LOGP);
    }
  }
  assertEquals((await greedyIds(decoder, read, prompt, expected.greedy.length)).ids, expected.greedy);
}

/** A copy with tensors, and config.json, in another spelling. */
function respelt(from: string, rename: (name: string) => string, change: (config: Json) => Json): string {
  const folder = temporaryFolder();
  for (const name of ["model.safetensors", "adapter_model.safetensors"]) {
    const path = join(from, name);
    try {
      Deno.statSync(path);
    } catch {
      continue;
    }
    using file = new SafetensorsFile(path);
    writeSafetensors(
      join(folder, name),
      [...file.tensors.values()].map(({ name, shape }) => {
        const values = file.readFloat32(name);
        return { name: rename(name), shape, dtype: "F32", data: () => values };
      }),
    );
  }
  const config = name(from);
  Deno.writeTextFileSync(join(folder, config), JSON.stringify(change(readJson(join(from, config)))));
  return folder;

  function name(folder: string): string {
    return [...Deno.readDirSync(folder)].some(({ name }) => name === "config.json")
      ? "config.json"
      : "adapter_config.json";
  }
}

async function opened(path: string) {
  const model = await openModel(path), decoder = decoderOf(builtinRegistry(), model);
  checkTensors(model.weights, tensorShapes(decoder), path);
  return { model, decoder };
}

/** config.json as hub files older than transformers 4.52 have it. */
function flat({ text_config, ...config }: Json): Json {
  const { rope_parameters, model_type: _, layer_types: __, ...text } = text_config as Json;
  const { rope_theta, mrope_section } = rope_parameters as Json;
  return { ...text, ...config, rope_theta, rope_scaling: { type: "mrope", mrope_section } };
}

for (const family of FAMILIES) {
  Deno.test(`${family}: transformers' log-probabilities and greedy ids of text, and PEFT's with an adapter`, async () => {
    const { model, decoder } = await opened(golden(`${family}/model`));
    await assertGolden(family, "base", decoder, (name) => model.weights.read(name));
    const whole = readWholeAdapter(
      golden(`${family}/adapter`),
      moduleShapes(decoder),
      tensorShapes(decoder),
      besideShapes(model),
    );
    await assertGolden(family, "lora", decoder, wholeMerge((name) => model.weights.read(name), whole));
    if (family !== "qwen2_5_vl") {
      const beside = readAdapter(golden(`${family}/adapter`), moduleShapes(decoder), decoder.moduleRoot);
      await assertGolden(family, "lora", decoder, mergedWeights((name) => model.weights.read(name), beside));
    }
    model.weights.close();
  });
}

Deno.test("qwen2_vl: config.json, tensors and adapters of transformers 4 are those of 5", async () => {
  const five = await opened(golden("qwen2_vl/model"));
  five.model.weights.close();
  const nested = (name: string) =>
    name.startsWith("visual.") ? `model.${name}` : name.replace(/^model\./, "model.language_model.");
  const old = (name: string) => name.replace("model.language_model.", "model.");
  const llava = (name: string) => old(name).replace(/model\.layers/, "language_model.model.layers");
  const listed = (rename: (name: string) => string) => (config: Json) => ({
    ...config,
    target_modules: (config.target_modules as string[]).map(rename),
  });
  const pattern = (config: Json) => ({ ...config, target_modules: "^(?!.*visual).*(?:_proj).*" });
  const saved = (config: Json): Json => {
    const { text_config: text, ...rest } = config, { rope_parameters: rope, ...others } = text as Json;
    const { rope_theta, mrope_section } = rope as Json;
    const scaling = { rope_type: "default", type: "default", mrope_section };
    return { ...rest, text_config: { ...others, rope_theta, rope_scaling: scaling } };
  };
  for (
    const [rename, change, adapter] of [
      [(name: string) => name, flat, respelt(golden("qwen2_vl/adapter"), old, listed(old))],
      [nested, saved, respelt(golden("qwen2_vl/adapter"), old, pattern)],
      [nested, (config: Json) => config, respelt(golden("qwen2_vl/adapter"), llava, listed(llava))],
    ] as const
  ) {
    const { model, decoder } = await opened(respelt(golden("qwen2_vl/model"), rename, change));
    assertEquals(decoder, five.decoder);
    assertEquals(model.beside?.names, five.model.beside?.names);
    await assertGolden("qwen2_vl", "base", decoder, (name) => model.weights.read(name));
    const read = readAdapter(adapter, moduleShapes(decoder), decoder.moduleRoot);
    assertEquals(read.modules.size, 14);
    await assertGolden("qwen2_vl", "lora", decoder, mergedWeights((name) => model.weights.read(name), read));
    model.weights.close();
  }
});

Deno.test("an adapter is written under PEFT's names of these classes, each module by its whole name", async () => {
  const { model, decoder } = await opened(golden("qwen3_vl/model")), folder = temporaryFolder();
  const shapes = moduleShapes(decoder);
  const adapter = readAdapter(golden("qwen3_vl/adapter"), shapes, decoder.moduleRoot);
  const config = {
    ...adapter.config,
    targetModules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
  };
  writeAdapter(folder, { config, modules: adapter.modules }, shapes, decoder.moduleRoot);
  using ours = new SafetensorsFile(join(folder, "adapter_model.safetensors"));
  using theirs = new SafetensorsFile(golden("qwen3_vl/adapter/adapter_model.safetensors"));
  assertEquals([...ours.tensors.keys()].sort(), [...theirs.tensors.keys()].sort());
  assertEquals(
    readJson(join(folder, "adapter_config.json")).target_modules,
    readJson(golden("qwen3_vl/adapter/adapter_config.json")).target_modules,
  );
  assertEquals(readAdapter(folder, shapes, decoder.moduleRoot).modules, adapter.modules);
  model.weights.close();
});

Deno.test("an adapter's modules of a vision tower merge as PEFT merges them, and are refused where it would run beside its base", async () => {
  const { model, decoder } = await opened(golden("qwen2_5_vl/model")), adapter = golden("qwen2_5_vl/adapter");
  const shapes = moduleShapes(decoder), beside = besideShapes(model);
  const merged = wholeMerge(
    (name) => model.weights.read(name),
    readWholeAdapter(adapter, shapes, tensorShapes(decoder), beside),
  );
  using theirs = new SafetensorsFile(golden("qwen2_5_vl/merged_visual.safetensors"));
  assertEquals(theirs.tensors.size, 3);
  for (const name of theirs.tensors.keys()) {
    const values = merged(name.replace(/^model\./, "")), expected = theirs.readFloat32(name);
    const before = model.weights.read(name.replace(/^model\./, ""));
    assert(values.some((value, i) => Math.abs(value - before[i]!) > 0.1), name);
    values.forEach((value, i) => assertAlmostEquals(value, expected[i]!, 5e-7, name));
  }
  assertEquals(
    merged("visual.blocks.0.attn.proj.weight"),
    model.weights.read("visual.blocks.0.attn.proj.weight"),
  );
  const { message } = assertThrows(() => readAdapter(adapter, shapes, decoder.moduleRoot), RangeError);
  assertStringIncludes(message, "it tunes the part that sees");
  assertStringIncludes(message, "Merge the adapter by `deno task export`");
  model.weights.close();
});

Deno.test("parse() reads defaults of these classes, and refuses what isn't theirs", () => {
  const registry = builtinRegistry();
  const parse = (family: string, change: (text: Json) => Json, top: Json = {}) => {
    const config = readJson(golden(`${family}/model/config.json`));
    return registry.create("model", family).parse({
      ...config,
      text_config: change(config.text_config as Json),
      ...top,
    });
  };
  const without = (...names: string[]) => (text: Json) =>
    Object.fromEntries(Object.entries(text).filter(([name]) => !names.includes(name)));
  // transformers' Qwen2VLTextConfig, Qwen2_5_VLTextConfig and Qwen3VLTextConfig
  for (
    const [family, eps, theta] of [["qwen2_vl", 1e-5, 1e6], ["qwen2_5_vl", 1e-5, 1e6], [
      "qwen3_vl",
      1e-6,
      5e5,
    ]] as const
  ) {
    const bare = parse(family, without("rms_norm_eps", "rope_parameters"));
    assertEquals(bare.rmsNormEps, eps);
    assertAlmostEquals(bare.inverseFrequencies[1]!, theta ** (-2 / bare.headDim), 1e-15);
  }
  assertEquals(parse("qwen2_vl", (text) => ({ ...text, tie_word_embeddings: true })).tieWordEmbeddings, true);
  assertEquals(parse("qwen2_vl", without("eos_token_id"), { eos_token_id: [7] }).eosTokenIds, [7]);
  const sections = (mrope_section: unknown) => (text: Json) => ({
    ...text,
    rope_parameters: { ...text.rope_parameters as Json, mrope_section },
  });
  for (
    const [change, what] of [
      [sections([16, 24, 24]), "text_config.rope_parameters.mrope_section is [16, 24, 24]"],
      [sections([2, 2]), "half a head, 4"],
      [without("hidden_size"), "the field text_config.hidden_size is missing"],
      [(text: Json) => ({ ...text, rope_scaling: { rope_type: "yarn", factor: 2 } }), '"yarn"'],
    ] as const
  ) assertStringIncludes(assertThrows(() => parse("qwen2_vl", change), RangeError).message, what);
  assertThrows(
    () => parse("qwen2_vl", (text) => text, { model_type: "qwen2_vl_moe" }),
    RangeError,
    "model_type",
  );
});
