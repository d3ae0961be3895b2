/** A tiny model as a GGUF file of ggml's blocks, whole tiles of 16 rows by 32 columns: embedding Q8_0, modules Q4_0. */
import { GgufFile, ggufName, writeGguf } from "../../formats/gguf/mod.ts";
import { ggufWeights } from "../../formats/hf_model/gguf_weights.ts";
import { openModel, type WeightSource } from "../../formats/hf_model/mod.ts";
import { readJson, TINY } from "./tiny_model.ts";

/** Its weights; closing them removes the file. */
export async function quantisedModel(): Promise<WeightSource> {
  const folder = await Deno.makeTempDir(), path = `${folder}/model.gguf`, model = `${TINY}qwen2/model`;
  const { weights } = await openModel(model);
  const tensors = weights.names().map((name) => {
    const shape = weights.shape(name) ?? [];
    const encoding = shape.length < 2 ? "F32" : name === "model.embed_tokens.weight" ? "Q8_0" : "Q4_0";
    return {
      name: ggufName(name, "qwen2", 4, 2).name,
      shape,
      encoding,
      data: () => weights.read(name),
    } as const;
  });
  writeGguf(path, new Map([["general.architecture", { type: "string", value: "qwen2" }]]), tensors);
  weights.close();
  const source = ggufWeights(new GgufFile(path), readJson(`${model}/config.json`));
  const close = () => {
    source.close();
    Deno.removeSync(folder, { recursive: true });
  };
  return { ...source, close };
}
