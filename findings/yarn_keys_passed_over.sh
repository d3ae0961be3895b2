#!/usr/bin/env bash
# guess: a GGUF file's llama.rope.scaling.yarn_attn_factor, yarn_beta_fast and yarn_beta_slow, which llama.cpp's converter writes for a config.json with an attention_factor and betas, are YaRN's
# what happens: any value gives the same answer: llama.cpp takes 0.1 ln(factor) + 1, 32 and 1 for architecture llama. rope.scaling.attn_factor, which the converter doesn't write, is
#   multiplied by the first
# version: node-llama-cpp 3.22.1 (llama.cpp) without a GPU, x86_64; gguf 0.19.0
# why it matters: a model that was trained with numbers of its own answers otherwise than in transformers, without a warning. Write attention_factor / (0.1 ln(factor) + 1) as
#   rope.scaling.attn_factor
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile tokenizers==0.23.3 gguf==0.19.0
cat > make.py <<'PY'
import gguf
import numpy as np
from tokenizers import pre_tokenizers

tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
size, width = len(tokens), 32
drawn = np.random.default_rng(1)
matrix = lambda rows: drawn.normal(size=(rows, width)).astype(np.float32)
tensors = {"token_embd": matrix(size), "output": matrix(size)} | {name: np.ones(width, np.float32) for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
tensors |= {f"blk.0.{name}": matrix(width) / 4 for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
for name, keys in {"none": {}, "yarn_attn_factor": {"yarn_attn_factor": 3.0}, "yarn_beta_fast": {"yarn_beta_fast": 3.0}, "yarn_beta_slow": {"yarn_beta_slow": 3.0}, "attn_factor": {"attn_factor": 3.0}}.items():
    writer = gguf.GGUFWriter(f"{name}.gguf", "llama")
    writer.add_context_length(256), writer.add_embedding_length(width), writer.add_block_count(1), writer.add_feed_forward_length(width)
    writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(size)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN), writer.add_rope_scaling_factor(4.0), writer.add_rope_scaling_orig_ctx_len(64)
    for key, value in keys.items():
        writer.add_float32(f"llama.rope.scaling.{key}", value)
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("gpt-2"), writer.add_token_list(tokens), writer.add_token_merges(["a b"])
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_bos_token_id(0), writer.add_eos_token_id(1), writer.add_add_bos_token(False)
    for tensor, values in tensors.items():
        writer.add_tensor(f"{tensor}.weight", values)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
PY
venv/bin/python make.py
cat > next.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false });
const found = {};
const names = ["yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow", "attn_factor"];
for (const name of ["none", ...names]) {
  const model = await llama.loadModel({ modelPath: `${name}.gguf` });
  const context = await model.createContext({ contextSize: 256 });
  const ids = Array.from({ length: 40 }, (_, i) => (7 * i + i * i) % 256), last = ids.pop();
  const generateNext = { token: true, probabilities: true, options: { temperature: 0 } };
  const answers = await context.getSequence().controlledEvaluate([...ids, [last, { generateNext }]]);
  found[name] = [...answers.at(-1).next.probabilities.values()].slice(0, 20);
  await context.dispose(), await model.dispose();
}
await llama.dispose();
for (const name of names) {
  const moved = Math.max(...found[name].map((p, i) => Math.abs(p - found.none[i])));
  console.log(`${name} = 3: ${moved === 0 ? "the same probabilities" : "other probabilities"}`);
}
JS
output=$(node next.mjs)
echo "$output"
expected='yarn_attn_factor = 3: the same probabilities|yarn_beta_fast = 3: the same probabilities|yarn_beta_slow = 3: the same probabilities|attn_factor = 3: other probabilities'
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
