#!/usr/bin/env bash
# guess: general.name of a GGUF file is for people: two files that differ in it alone give the same token ids
# what happens: llama.cpp looks for "phi-3" and "phi3" in it, whatever the architecture is. Where the name has one, white space behind every special token is dropped (as Phi-3's own
#   tokenizer.json asks by rstrip), so "<|user|>", a space, a line and "Hi" have other ids than in the same file called otherwise. A tuned Phi-3 that was renamed
#   loses the rule, another model whose name says that it was made with Phi-3's answers gets it
# version: node-llama-cpp 3.22.1 (llama.cpp), gguf 0.19.0
# why it matters: chat templates put a line behind such tokens; a model reads other ids than it was tuned with, and nothing fails.
#   Compare ids after renaming a model
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile gguf==0.19.0
cat > make.py <<'PY'
import gguf
import numpy as np

# GPT-2's alphabet of bytes, and special tokens
plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
alphabet = [chr(b) for b in plain] + [chr(256 + i) for i in range(256 - len(plain))]
special = ["</s>", "<unk>", "<s>", "<|endoftext|>", "<|user|>"]
tokens = alphabet + ["Hi"] + special
for name in ("tuned-phi-3", "tuned"):
    writer = gguf.GGUFWriter(f"{name}.gguf", "llama")
    writer.add_name(name)
    writer.add_context_length(64), writer.add_embedding_length(32), writer.add_block_count(1), writer.add_feed_forward_length(32)
    writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens), writer.add_token_merges(["H i"])
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - len(special)) + [gguf.TokenType.CONTROL] * len(special))
    end = tokens.index("<|endoftext|>")
    writer.add_bos_token_id(end), writer.add_eos_token_id(end), writer.add_add_bos_token(False)
    size = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    size |= {f"blk.0.{part}": (32, 32) for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
    for part, shape in size.items():
        writer.add_tensor(f"{part}.weight", np.ones(shape, np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
PY
cat > read.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled, progressLogs: false });
for (const name of ["tuned-phi-3", "tuned"]) {
  const model = await llama.loadModel({ modelPath: `${name}.gguf`, vocabOnly: true });
  const pieces = model.tokenize("<|user|> \nHi", true).map((id) => model.detokenize([id], true));
  console.log(`${name}: ${JSON.stringify(pieces)}`);
}
await llama.dispose();
JS
venv/bin/python make.py
seen=$(node read.mjs)
echo "$seen"
[ "$seen" = 'tuned-phi-3: ["<|user|>","Hi"]
tuned: ["<|user|>"," ","\n","Hi"]' ]
