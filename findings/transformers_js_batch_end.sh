#!/usr/bin/env bash
# guess: generate() of transformers.js ends a batch when each row has had its end token, and fills rows that were done with padding, as transformers for Python does
# what happens: only the newest token of each row is looked at, and rows go on behind their end token with whatever the model gives. Rows that end at
#   different steps stop the batch when all of them happen to give an end token at once, else at max_new_tokens; decoded, a row has text behind its end
# version: @huggingface/transformers 4.3.2 (src/models/modeling_utils.js, src/generation/stopping_criteria.js)
# why it matters: whoever compares engines or evaluates in batches has to cut each row at its first end token, and pays for the longest answer allowed.
#   Dinotune ends each row by itself
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.2 onnx-proto@8.0.1 > /dev/null
cat > ask.mjs <<'JS'
import fs from "node:fs";
import proto from "onnx-proto";
import { AutoModelForCausalLM, env, Tensor } from "@huggingface/transformers";

// a model that gives each token one successor: 5 ends at once, 9 after three more, and behind the end (0) come 6, 7, 8 and the end again
const next = { 0: 6, 6: 7, 7: 8, 8: 0, 5: 0, 9: 10, 10: 11, 11: 12, 12: 0 }, size = 16;
const table = new Float32Array(size * size);
for (const [from, to] of Object.entries(next)) table[from * size + to] = 9;

const { onnx } = proto, FLOAT = 1, INT64 = 7;
const value = (name, type, dims) => ({
  name,
  type: { tensorType: { elemType: type, shape: { dim: dims.map((d) => typeof d === "string" ? { dimParam: d } : { dimValue: d }) } } },
});
const cache = (name, length) => value(name, FLOAT, ["batch_size", 1, length, 1]);
const model = onnx.ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: {
    name: "successors",
    node: [
      { opType: "Gather", input: ["table", "input_ids"], output: ["logits"] },
      { opType: "Cast", input: ["input_ids"], output: ["ids"], attribute: [{ name: "to", type: 2, i: FLOAT }] },
      { opType: "Unsqueeze", input: ["ids", "axes"], output: ["row"] },
      ...["key", "value"].map((kind) => ({
        opType: "Concat",
        input: [`past_key_values.0.${kind}`, "row"],
        output: [`present.0.${kind}`],
        attribute: [{ name: "axis", type: 2, i: 2 }],
      })),
    ],
    initializer: [
      { name: "table", dataType: FLOAT, dims: [size, size], rawData: new Uint8Array(table.buffer) },
      { name: "axes", dataType: INT64, dims: [2], rawData: new Uint8Array(BigInt64Array.of(1n, 3n).buffer) },
    ],
    input: [value("input_ids", INT64, ["batch_size", "sequence"]), ...["key", "value"].map((kind) => cache(`past_key_values.0.${kind}`, "past"))],
    output: [value("logits", FLOAT, ["batch_size", "sequence", size]), ...["key", "value"].map((kind) => cache(`present.0.${kind}`, "total"))],
  },
});
fs.mkdirSync("model/onnx", { recursive: true });
fs.writeFileSync("model/onnx/model.onnx", onnx.ModelProto.encode(model).finish());
fs.writeFileSync("model/config.json", JSON.stringify({
  model_type: "llama", architectures: ["LlamaForCausalLM"], vocab_size: size, hidden_size: 1, num_hidden_layers: 1,
  num_attention_heads: 1, num_key_value_heads: 1, max_position_embeddings: 64, eos_token_id: 0, pad_token_id: 15,
}));
Object.assign(env, { allowRemoteModels: false, localModelPath: process.cwd() });
const loaded = await AutoModelForCausalLM.from_pretrained("model", { dtype: "fp32" });
const ask = async (...first) => {
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [first.length, 1]);
  const output = await loaded.generate({ input_ids: tensor(first), attention_mask: tensor(first.map(() => 1)), max_new_tokens: 14 });
  return output.tolist().map((row) => row.map(Number).join(" "));
};
console.log("alone:   ", (await ask(5))[0], "|", (await ask(9))[0]);
console.log("together:", (await ask(5, 9)).join(" | "));
JS
output=$(node ask.mjs)
echo "$output"
expected="alone:    5 0 | 9 10 11 12 0
together: 5 0 6 7 8 0 6 7 8 0 6 7 8 0 6 | 9 10 11 12 0 6 7 8 0 6 7 8 0 6 7"
[ "$output" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
