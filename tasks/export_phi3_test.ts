/** A Phi-3 as a GGUF file: keys and divisors as llama.cpp's converter writes them (conversion of Phi3ForCausalLM), and read again the same decoder. */
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

import { GgufFile } from "../formats/gguf/mod.ts";
import { openModel, saveModel } from "../formats/hf_model/mod.ts";
import { tensorShapes } from "../kernels/engine/decoder/decoder.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { decoderOf } from "../plugins/kinds/decoder_of.ts";
import { readJson, TINY } from "../tests/helpers/tiny_model.ts";
import { goldenPath, inExportFolder, quietExport } from "./_exported.ts";
import { exportModel } from "./export.ts";
import { checkArchitecture } from "./export/gguf.ts";

/** Phi-3's own, which llama.cpp asks for by the model's name, and another. */
const TOKENS = ["</s>", "<unk>", "<s>", "<|user|>"];

/** Behind these tokens Phi-3's tokenizer.json keeps white space. */
const KEEPING = ["<unk>", "<s>", "<|endoftext|>"];

/** Writes a model with the golden's sizes, and the tokenizer of bytes with some tokens more, behind which white space is dropped as in Phi-3's or kept. */
function writeModel(folder: string, tokens: readonly string[], strips: boolean): void {
  const config = { ...readJson(`${TINY}phi4mini/model/config.json`), vocab_size: 304 + tokens.length };
  const shapes = tensorShapes(decoderOf(builtinRegistry(), { config, configFile: "" }));
  const tokenizer = readJson(goldenPath("tokenizers/tiny/tokenizer.json"));
  tokenizer.added_tokens.push(
    ...tokens.map((content, i) => ({ ...tokenizer.added_tokens[0], id: 304 + i, content })),
  );
  for (const token of tokenizer.added_tokens) token.rstrip = strips && !KEEPING.includes(token.content);
  saveModel(
    folder,
    [...shapes].map(([name, shape]) => ({
      name,
      shape,
      data: () => Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i) / 4),
    })),
    {
      config,
      files: {
        "tokenizer.json": JSON.stringify(tokenizer),
        "tokenizer_config.json": Deno.readTextFileSync(goldenPath("tokenizers/tiny/tokenizer_config.json")),
      },
    },
  );
}

Deno.test("a Phi-3 is written with both lists of divisors, by a name for which llama.cpp cuts as tokenizer.json does, and read as the same", () =>
  inExportFolder(async (folder) => {
    // findings/name_that_cuts_text.sh: what llama.cpp makes of the names
    for (
      const [tokens, strips, given, name] of [
        [["<|user|>"], false, "My-Phi-3 mini", "My-Phi 3 mini"],
        [TOKENS, false, "My-Phi-3 mini", "My-Phi 3 mini"],
        [TOKENS, true, "My-Phi-3 mini", "My-Phi-3 mini"],
        [TOKENS, true, "tuned", "tuned-phi-3"],
      ] as const
    ) {
      const place = Deno.makeTempDirSync({ dir: folder }), base = `${place}/${given}`, out = `${place}/out`;
      writeModel(base, tokens, strips);
      const common = [`model_name_or_path=${base}`, `export_dir=${out}`, "export_format=gguf"];
      await exportModel(undefined, common, quietExport);
      using file = new GgufFile(`${out}/model-F32.gguf`);
      const get = (key: string) => file.metadata.get(key);
      assertEquals([get("general.architecture"), get("general.name")], ["phi3", name]);
      assertEquals(
        ["rope.dimension_count", "attention.key_length", "rope.scaling.original_context_length"]
          .map((key) => get(`phi3.${key}`)),
        [16, 32, 64],
      );
      // √(1 + ln 8 / ln 64)
      assertAlmostEquals(Number(get("phi3.rope.scaling.attn_factor")), Math.sqrt(1.5), 1e-7);
      const { rope_parameters: rope } = readJson(`${TINY}phi4mini/model/config.json`);
      for (const kind of ["short", "long"]) {
        assertEquals(
          file.readFloat32(`rope_factors_${kind}.weight`),
          Float32Array.from(rope[`${kind}_factor`]),
        );
      }
      assertEquals(
        ["attn_qkv", "ffn_up"].map((name) => file.tensors.get(`blk.0.${name}.weight`)?.shape),
        [[128, 64], [48, 64]],
      );
      const [own, read] = await Promise.all([base, `${out}/model-F32.gguf`].map(async (path) => {
        const model = await openModel(path), decoder = decoderOf(builtinRegistry(), model);
        const ids = model.tokenizer.encode("<|user|> \nHi", { special: true });
        const pieces = [...ids].map((id) => model.tokenizer.decode([id]));
        assertEquals(pieces, strips ? ["<|user|>", "H", "i"] : ["<|user|>", " ", "\n", "H", "i"], path);
        model.weights.close();
        return decoder;
      }));
      const inverse = (decoder: typeof own) => decoder?.inverseFrequencies ?? new Float64Array(0);
      inverse(own).forEach((frequency, i) => assertAlmostEquals(inverse(read)[i] ?? NaN, frequency, 1e-7));
      const rest = { attentionFactor: 0, inverseFrequencies: 0, rmsNormEps: 0, eosTokenIds: 0 };
      assertEquals({ ...read, ...rest }, { ...own, ...rest });
    }
  }));

Deno.test("a Phi-3 whose heads aren't shares of hidden_size is refused as GGUF", () => {
  const config = { ...readJson(`${TINY}phi3/model/config.json`), head_dim: 16 };
  assertThrows(
    () => checkArchitecture(decoderOf(builtinRegistry(), { config, configFile: "" })),
    RangeError,
    "llama.cpp's architecture phi3 has no head_dim of its own",
  );
});
