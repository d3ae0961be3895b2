/** Q8_0 and mixtures of k-quants beside llama.cpp's own quantisation of the same float32 file, and its answers from ours. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { GGML_TYPES, GgufFile } from "../../formats/gguf/mod.ts";
import { exportModel } from "../../tasks/export.ts";
import { FILE_TYPES } from "../../tasks/export/gguf_types.ts";
import { askElsewhere, ELSEWHERE } from "../helpers/elsewhere.ts";
import { temporaryFolder } from "../helpers/temporary_folder.ts";
import { drawnModel } from "./_drawn_model.ts";

const DTYPES = ["q8_0", "q4_k_m", "q4_k_s", "q5_k_m", "q5_k_s", "q6_k"] as const;

/** Sizes of made-up models: whole blocks of 256, and rows that aren't (as SmolLM2's of 576) beside some that are. */
const MODELS: readonly Record<string, unknown>[] = [
  {
    model_type: "llama",
    hidden_size: 256,
    intermediate_size: 512,
    num_hidden_layers: 9,
    tie_word_embeddings: false,
  },
  {
    model_type: "qwen2",
    hidden_size: 96,
    intermediate_size: 256,
    num_hidden_layers: 6,
    tie_word_embeddings: true,
  },
  {
    model_type: "llama",
    hidden_size: 80,
    intermediate_size: 256,
    num_hidden_layers: 2,
    tie_word_embeddings: false,
  },
];

Deno.test({
  name:
    `q8_0 and every mixture have llama-quantize's types and bytes, tensor by tensor, and llama.cpp answers from it as from its own${ELSEWHERE.why}`,
  ignore: ELSEWHERE.ignore,
  fn: async () => {
    const folder = temporaryFolder(), files: { label: string; ours: string; theirs: string }[] = [];
    const questions: { from: string; to: string; type: number }[] = [];
    for (const [i, sizes] of MODELS.entries()) {
      const base = join(folder, `base${i}`);
      drawnModel(base, sizes);
      const exported = async (dtype: string) => {
        const out = join(folder, `${dtype}-${i}`);
        const keys = [
          `model_name_or_path=${base}`,
          `export_dir=${out}`,
          "export_format=gguf",
          `export_dtype=${dtype}`,
        ];
        await exportModel(undefined, [...keys, `export_check=${i === 1}`], { say: () => {} });
        return join(out, [...Deno.readDirSync(out)].find(({ name }) => name.endsWith(".gguf"))!.name);
      };
      const from = await exported("float32");
      for (const dtype of DTYPES) {
        const ours = await exported(dtype), theirs = join(folder, `theirs-${dtype}-${i}.gguf`);
        files.push({ label: `${dtype} of model ${i}`, ours, theirs });
        questions.push({ from, to: theirs, type: FILE_TYPES[dtype] });
      }
    }
    assertEquals(await askElsewhere("deno", "llama_quantize.ts", questions), questions.map(() => 0));
    for (const { label, ours, theirs } of files) {
      using a = new GgufFile(ours);
      using b = new GgufFile(theirs);
      assertEquals(a.metadata.get("general.file_type"), b.metadata.get("general.file_type"), label);
      assertEquals([...a.tensors.keys()].toSorted(), [...b.tensors.keys()].toSorted(), label);
      for (const name of a.tensors.keys()) {
        const typeOf = (file: GgufFile) => GGML_TYPES[file.info(name).type]?.name;
        assertEquals(typeOf(a), typeOf(b), `${label}: ${name}`);
        assertEquals(a.readBytes(name), b.readBytes(name), `${label}: ${name}`);
      }
    }
    const asked = files.slice(0, 1).flatMap(({ ours, theirs }) =>
      [ours, theirs].map((model) => ({ model, adapter: null, prompt: [3, 14, 15, 92, 65, 35], count: 8 }))
    );
    const [first, second] = await askElsewhere<unknown, { ids: number[]; probabilities: number[] }[]>(
      "node",
      "llama_cpp.mjs",
      asked,
    );
    assertEquals(first?.ids.length, 8);
    assertEquals(first, second);
  },
});
