/** What is saved opens as the same model, here and in both transformers. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { SafetensorsFile } from "../safetensors/mod.ts";
import { openModel, saveModel } from "./mod.ts";
import { assertSameWeights, goldenModel, inModelFolder } from "./_golden_models.ts";

Deno.test("saveModel() writes a directory that opens as the same model, whole and in shards", () =>
  inModelFolder(async (directory) => {
    const model = await openModel(goldenModel("tiny/qwen2/model"));
    const tensors = () =>
      model.weights.names().map((name) => ({
        name,
        shape: model.weights.shape(name)!,
        data: () => model.weights.read(name),
      }));
    const { config, generationConfig } = model;
    const shards = saveModel(directory, tensors(), {
      config,
      generationConfig,
      maxShardBytes: 40_000,
      files: { "tokenizer.json": "{}" },
    });
    assertEquals(shards.filter((name) => name.endsWith(".safetensors")).length, 3);
    const again = await openModel(directory);
    assertSameWeights(model, again);
    // Both spellings: transformers 4.57 reads torch_dtype, rope_theta; 5.24 dtype, rope_parameters (its own save_pretrained).
    const spelled = {
      rope_parameters: { rope_theta: 1e6, rope_type: "default" },
      rope_theta: 1e6,
      rope_scaling: null,
    };
    assertEquals(again.config, { ...config, ...spelled, dtype: "float32", torch_dtype: "float32" });
    assertEquals(again.generationConfig, generationConfig);
    again.weights.close();
    // From transformers' own index of the same model.
    const { metadata } = JSON.parse(Deno.readTextFileSync(join(directory, "model.safetensors.index.json")));
    const theirs = Deno.readTextFileSync(
      goldenModel("tiny/qwen2/model-sharded/model.safetensors.index.json"),
    );
    assertEquals(metadata, JSON.parse(theirs).metadata);

    saveModel(directory, tensors(), { config, dtype: "bfloat16" });
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
    assertEquals(names, ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"]);
    const expected = Deno.readFileSync(goldenModel("tiny/qwen2/model-bf16/model.safetensors"));
    assertEquals(Deno.readFileSync(join(directory, "model.safetensors")), expected);
    const saved = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
    assertEquals(saved, { ...config, ...spelled, dtype: "bfloat16", torch_dtype: "bfloat16" });
    assertEquals(config.dtype, "float32");
    model.weights.close();
  }));

Deno.test("saveModel() spells config.json for transformers 4 and 5 alike and refuses a tied output", () =>
  inModelFolder((directory) => {
    const tensor = { name: "lm_head.weight", shape: [1], data: () => new Float32Array([1]) };
    saveModel(directory, [tensor], { config: { torch_dtype: "bfloat16", rope_theta: 5 }, dtype: "float16" });
    const saved = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
    const rope = {
      rope_theta: 5,
      rope_scaling: null,
      rope_parameters: { rope_theta: 5, rope_type: "default" },
    };
    assertEquals(saved, { ...rope, torch_dtype: "float16", dtype: "float16" });
    const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    for (
      const spelling of [{ rope_parameters: { rope_theta: 7, ...llama3 } }, {
        rope_theta: 7,
        rope_scaling: llama3,
      }]
    ) {
      saveModel(directory, [tensor], { config: spelling, dtype: "float16" });
      // transformers 4 warns of whole numbers there
      const text = Deno.readTextFileSync(join(directory, "config.json"));
      assertEquals(
        text.match(/"(rope_theta|factor|low_freq_factor|high_freq_factor)": .*\d(?=,?$)/gm)?.filter((field) =>
          !field.endsWith(".0")
        ),
        [],
      );
      const { rope_theta, rope_scaling, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, rope_scaling, rope_parameters], [7, llama3, { rope_theta: 7, ...llama3 }]);
    }
    const linear = { rope_type: "linear", factor: 8 };
    const five = {
      full_attention: { rope_theta: 7, ...linear },
      sliding_attention: { rope_theta: 3, rope_type: "default" },
    };
    for (
      const spelling of [
        { rope_parameters: five },
        { rope_theta: 7, rope_local_base_freq: 3, rope_scaling: linear },
      ]
    ) {
      saveModel(directory, [tensor], {
        config: { model_type: "gemma3_text", ...spelling },
        dtype: "float16",
      });
      const { rope_theta, rope_local_base_freq, rope_scaling, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, rope_local_base_freq, rope_scaling, rope_parameters], [7, 3, linear, five]);
    }
    // θ of transformers' classes where config.json has a scaling and no θ
    for (const [model_type, theta] of [["smollm3", 2e6], ["ernie4_5", 5e5], ["llama", 1e4]] as const) {
      saveModel(directory, [tensor], { config: { model_type, rope_scaling: linear }, dtype: "float16" });
      const { rope_theta, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, rope_parameters.rope_theta], [theta, theta], model_type);
    }
    // transformers 4.57's Olmo3Config has one θ, which it takes for layers with a window too; 5.17 has 500000 for them where rope_parameters doesn't say
    const olmo3 = (theta: number, window: number) => ({
      full_attention: { ...linear, rope_theta: theta },
      sliding_attention: { rope_type: "default", rope_theta: window },
    });
    for (
      const [spelling, four, five] of [
        [{ rope_parameters: olmo3(7, 7) }, [7, linear], olmo3(7, 7)],
        [{ rope_parameters: olmo3(7, 3) }, [undefined, undefined], olmo3(7, 3)],
        [{ rope_theta: 5e5, rope_scaling: linear }, [5e5, linear], olmo3(5e5, 5e5)],
      ] as const
    ) {
      saveModel(directory, [tensor], { config: { model_type: "olmo3", ...spelling }, dtype: "float16" });
      const { rope_theta, rope_scaling, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([[rope_theta, rope_scaling], rope_parameters], [four, five]);
    }
    // transformers 4.57's Glm4Config takes the share beside, 5.17 has it in rope_parameters; both have 0.5 where it isn't written
    for (
      const [spelling, part] of [
        [{ rope_parameters: { rope_theta: 7, partial_rotary_factor: 0.25 } }, 0.25],
        [{ rope_theta: 7, partial_rotary_factor: 0.25 }, 0.25],
        [{ rope_theta: 7 }, 0.5],
      ] as const
    ) {
      saveModel(directory, [tensor], { config: { model_type: "glm4", ...spelling }, dtype: "float16" });
      const { rope_theta, partial_rotary_factor, rope_parameters } = JSON.parse(
        Deno.readTextFileSync(join(directory, "config.json")),
      );
      assertEquals([rope_theta, partial_rotary_factor, rope_parameters.partial_rotary_factor], [
        7,
        part,
        part,
      ]);
    }
    // transformers 5.17's Gemma2Config refuses whole numbers there
    const caps = { attn_logit_softcapping: 50, final_logit_softcapping: 30.5 };
    saveModel(directory, [tensor], { config: { model_type: "gemma2", ...caps }, dtype: "float16" });
    const text = Deno.readTextFileSync(join(directory, "config.json"));
    assertMatch(text, /"attn_logit_softcapping": 50\.0,\n/);
    assertMatch(text, /"final_logit_softcapping": 30\.5,\n/);
    // transformers 4.57's Phi3Config takes three fields of a scaling, llama.cpp's converter looks for the others beside it
    const factors = { short_factor: [1, 2], long_factor: [3, 4] };
    const phi3 = {
      rope_theta: 7,
      rope_scaling: { type: "longrope", ...factors },
      partial_rotary_factor: 0.5,
      original_max_position_embeddings: 64,
    };
    const inside = { partial_rotary_factor: 0.5, original_max_position_embeddings: 32, ...factors };
    const nested = { rope_parameters: { rope_theta: 7, rope_type: "longrope", ...inside } };
    for (
      const [spelling, original] of [
        [phi3, 64],
        [{ ...phi3, rope_scaling: { rope_type: "su", ...factors } }, 64],
        // 5.17's class takes the length beside, or its default, and never the one inside
        [{ ...nested, original_max_position_embeddings: 64 }, 64],
        [nested, 4096],
      ] as const
    ) {
      saveModel(directory, [tensor], { config: { model_type: "phi3", ...spelling }, dtype: "float16" });
      const written = JSON.parse(Deno.readTextFileSync(join(directory, "config.json")));
      const { rope_theta, rope_scaling, partial_rotary_factor, original_max_position_embeddings } = written;
      assertEquals(
        { rope_theta, rope_scaling, partial_rotary_factor, original_max_position_embeddings },
        { ...phi3, original_max_position_embeddings: original },
      );
      assertEquals(written.rope_parameters.rope_theta, 7);
    }
    using file = new SafetensorsFile(join(directory, "model.safetensors"));
    assertEquals(file.info("lm_head.weight").dtype, "F16");
    const options = { config: { tie_word_embeddings: true } };
    assertThrows(() => saveModel(directory, [tensor], options), RangeError, "tied");
    assertThrows(() => saveModel(directory, [tensor, tensor], { config: {} }), RangeError, "comes twice");
  }));
