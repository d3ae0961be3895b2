#!/usr/bin/env bash
# guess: an F16 GGUF file, whose weights have the values of the F32 one, gives the F32 file's answers on a CPU: products there are float32
# what happens: llama.cpp rounds a product's inputs to the form that goes with the weights, for F16 to float16: an activation above 65504 becomes infinity, the logits NaN, and
#   the greedy answer token 0 ("!") again and again, without an error. The same values as BF16 or Q8_0, which are rougher, are fine
# version: node-llama-cpp 3.22.1 (llama.cpp) without a GPU, x86_64; gguf 0.19.0
# why it matters: models that were trained in bfloat16 do have such activations (at the start of a text, in front of down_proj). An export that was checked by its weights, or by
#   an engine that widens F16, breaks there. Take BF16 or F32 for them
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile tokenizers==0.23.3 gguf==0.19.0
# behind "x" comes "A" by a sum of 32 products of 258064; every weight is exact in every form
cat > make.py <<'PY'
import gguf
import numpy as np
from gguf import GGMLQuantizationType as Form
from gguf import quants
from tokenizers import pre_tokenizers

tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
size, width = len(tokens), 32
embedding, head, down = np.zeros((size, width)), np.zeros((size, width)), np.zeros((width, width))
embedding[tokens.index("x")] = 1
head[tokens.index("A"), :16] = head[tokens.index("B"), 16:] = 1
down[:16] = 127 * 2**-20
plain = {"token_embd": embedding, "output": head} | {name: np.ones(width) for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
plain |= {f"blk.0.{name}": np.zeros((width, width)) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
packed = {"ffn_gate": np.full((width, width), 127 / 8), "ffn_up": np.full((width, width), 127 / 8), "ffn_down": down}
for form in (Form.F32, Form.F16, Form.BF16, Form.Q8_0):
    writer = gguf.GGUFWriter(f"{form.name}.gguf", "llama")
    writer.add_context_length(64), writer.add_embedding_length(width), writer.add_block_count(1), writer.add_feed_forward_length(width)
    writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(size)
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("gpt-2"), writer.add_token_list(tokens), writer.add_token_merges(["a b"])
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_bos_token_id(0), writer.add_eos_token_id(1), writer.add_add_bos_token(False)
    for name, values in plain.items():
        writer.add_tensor(f"{name}.weight", values.astype(np.float32))
    for name, values in packed.items():
        stored = quants.quantize(values.astype(np.float32), form)
        assert np.array_equal(quants.dequantize(stored, form), values)
        writer.add_tensor(f"blk.0.{name}.weight", stored, raw_dtype=form)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
PY
venv/bin/python make.py
cat > next.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false });
for (const form of ["F32", "F16", "BF16", "Q8_0"]) {
  const model = await llama.loadModel({ modelPath: `${form}.gguf` });
  const context = await model.createContext({ contextSize: 64 });
  const generateNext = { token: true, probabilities: true, options: { temperature: 0 } };
  const [{ next }] = await context.getSequence().controlledEvaluate([[model.tokenize("x")[0], { generateNext }]]);
  const { value } = next.probabilities.values().next();
  console.log(`${form}: "${model.detokenize([next.token])}" with probability ${value.toFixed(2)}`);
  await context.dispose(), await model.dispose();
}
await llama.dispose();
JS
output=$(node next.mjs)
echo "$output"
expected='F32: "A" with probability 1.00|F16: "!" with probability NaN|BF16: "A" with probability 1.00|Q8_0: "A" with probability 1.00'
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
