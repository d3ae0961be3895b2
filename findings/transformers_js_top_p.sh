#!/usr/bin/env bash
# guess: generate({do_sample: true, top_p: 0.5}) of transformers.js draws from the likeliest tokens that make up half of the probability
# what happens: top_p is taken, kept in the generation config and used nowhere: tokens of the other half are drawn as often as
#   without it. top_k and temperature do what they say. min_p, typical_p and epsilon_cutoff, which transformers for Python knows, do nothing either
# version: @huggingface/transformers 4.3.2 (src/models/modeling_utils.js has the processor commented out)
# why it matters: generation_config.json of most chat models (Qwen, Llama) rests on top_p, so the same files give wilder answers in a browser than
#   in vLLM or in transformers, and no message says why. Set top_k, or pass a LogitsProcessor of one's own
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.2 onnx-proto@8.0.1 > /dev/null
cat > draw.mjs <<'JS'
import { mkdirSync, writeFileSync } from "node:fs";
import proto from "onnx-proto";
import { AutoModelForCausalLM, env, Tensor } from "@huggingface/transformers";

// a model without layers: whatever came before, token 0 has probability 0.6, token 1 has 0.3, token 2 has 0.1
const table = new Float32Array(9).map((_, i) => Math.log([0.6, 0.3, 0.1][i % 3]));
const { ModelProto } = proto.onnx;
const tensor = (name, elemType, ...dims) => {
  const dim = dims.map((d) => typeof d === "string" ? { dimParam: d } : { dimValue: d });
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
};
mkdirSync("three/onnx", { recursive: true });
writeFileSync("three/onnx/model.onnx", ModelProto.encode(ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: {
    name: "three",
    initializer: [{ name: "table", dataType: 1, dims: [3, 3], rawData: new Uint8Array(table.buffer) }],
    node: [
      { opType: "Gather", input: ["table", "input_ids"], output: ["logits"] },
      ...["key", "value"].map((part) => ({ opType: "Identity", input: [`past_key_values.0.${part}`], output: [`present.0.${part}`] })),
    ],
    input: [tensor("input_ids", 7, "rows", "length"), ...["key", "value"].map((p) => tensor(`past_key_values.0.${p}`, 1, "rows", 1, "past", 1))],
    output: [tensor("logits", 1, "rows", "length", 3), ...["key", "value"].map((p) => tensor(`present.0.${p}`, 1, "rows", 1, "past", 1))],
  },
})).finish());
writeFileSync("three/config.json", JSON.stringify({
  architectures: ["LlamaForCausalLM"], model_type: "llama", vocab_size: 3, hidden_size: 1, num_hidden_layers: 1, num_attention_heads: 1,
  num_key_value_heads: 1, max_position_embeddings: 512,
}));
Object.assign(env, { allowRemoteModels: false, localModelPath: process.cwd() });
const model = await AutoModelForCausalLM.from_pretrained("three", { dtype: "fp32" });

const drawn = async (settings) => {
  const input_ids = new Tensor("int64", BigInt64Array.of(0n), [1, 1]), attention_mask = new Tensor("int64", BigInt64Array.of(1n), [1, 1]);
  const output = await model.generate({ input_ids, attention_mask, do_sample: true, max_new_tokens: 300, ...settings });
  return [...new Set(output.tolist()[0].slice(1).map(Number))].sort().join(" ");
};
for (const settings of [{}, { top_p: 0.5 }, { top_p: 0.01 }, { min_p: 0.9 }, { typical_p: 0.1 }, { epsilon_cutoff: 0.5 }, { top_k: 1 }, { temperature: 0.01 }]) {
  console.log(`${JSON.stringify(settings)}: tokens drawn ${await drawn(settings)}`);
}
JS
output=$(node draw.mjs)
echo "$output"
expected="0 1 2|0 1 2|0 1 2|0 1 2|0 1 2|0 1 2|0|0"
[ "$(sed 's/.*drawn //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
