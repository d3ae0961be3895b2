#!/usr/bin/env bash
# guess: a GGUF file without `tokenizer.ggml.eos_token_id`, which the format leaves to the writer, is a model without an end token: answers end
#   by their length, as in transformers where config.json and the tokenizer name none
# what happens: llama.cpp takes the end token of GPT-2's first port, id 11, for every byte-level vocabulary. In vocabularies that begin with the
#   printable bytes, as GPT-2's and most since do, that is the comma: it counts as the end of the text, beside the ends that llama.cpp knows by their text, and an answer stops in front of its first comma
# version: node-llama-cpp 3.22.1 (llama.cpp), gguf 0.19.0, tokenizers 0.23.3 (for the bytes' order)
# why it matters: exports of base models whose tokenizer names no end are cut at commas without a word. An exporter has to write the key,
#   from config.json where the tokenizer is silent, and ids in a reader of such files can't be compared by their answers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile tokenizers==0.23.3 gguf==0.19.0
cat > make.py <<'PY'
import sys
import gguf
import numpy as np
from tokenizers import pre_tokenizers

tokens = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["<|end|>"]
for name, eos in (("with", len(tokens) - 1), ("without", None)):
    writer = gguf.GGUFWriter(f"{name}.gguf", "llama")
    writer.add_context_length(64), writer.add_embedding_length(32), writer.add_block_count(1), writer.add_feed_forward_length(32)
    writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens), writer.add_token_merges(["a b"])
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 1) + [gguf.TokenType.CONTROL])
    writer.add_add_bos_token(False)
    if eos is not None: writer.add_eos_token_id(eos)
    size = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    size |= {f"blk.0.{part}": (32, 32) for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
    for part, shape in size.items():
        writer.add_tensor(f"{part}.weight", np.ones(shape, np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
print(tokens[11])
PY
cat > read.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled, progressLogs: false });
for (const name of ["with", "without"]) {
  const model = await llama.loadModel({ modelPath: `${name}.gguf`, vocabOnly: true });
  const ends = Array.from({ length: 257 }, (_, id) => id).filter((id) => model.isEogToken(id));
  console.log(`${name} the key: ${JSON.stringify(ends.map((id) => model.detokenize([id], true)))}`);
}
await llama.dispose();
JS
first=$(venv/bin/python make.py)
llama=$(node read.mjs)
echo "token 11: $first"
echo "$llama"
[ "$first" = "," ] && [ "$llama" = 'with the key: ["<|end|>"]
without the key: [",","<|end|>"]' ]
