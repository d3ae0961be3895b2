#!/usr/bin/env bash
# guess: a token that a GGUF file's vocabulary has as a normal one is text: it is reached by merges alone, and an answer may have it
# what happens: llama.cpp goes by the token's text: a vocabulary's normal token "</s>" (Qwen's and other byte-level vocabularies have one, as a piece of HTML)
#   counts as an end of text whatever eos is. Where special tokens are parsed, "<s>x</s>" in a prompt becomes that one token, which the model
#   has never seen there since its own tokenizer cuts "</", "s", ">", and an answer that reaches it stops
# version: node-llama-cpp 3.22.1 (llama.cpp), tokenizers 0.23.3, gguf 0.19.0
# why it matters: prompts and answers with the HTML of a struck-out text differ between llama.cpp and all programs that go by tokenizer.json, and nothing fails.
#   Compare ids before comparing answers
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
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
merges = [("<", "/"), ("</", "s"), ("</s", ">")]
tokens = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["</", "</s", "</s>", "<|end|>"]
writer = gguf.GGUFWriter("a.gguf", "llama")
writer.add_context_length(64), writer.add_embedding_length(32), writer.add_block_count(1), writer.add_feed_forward_length(32)
writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("qwen2")
writer.add_token_list(tokens), writer.add_token_merges([" ".join(pair) for pair in merges])
writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 1) + [gguf.TokenType.CONTROL])
writer.add_bos_token_id(len(tokens) - 1), writer.add_eos_token_id(len(tokens) - 1), writer.add_add_bos_token(False)
size = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
size |= {f"blk.0.{name}": (32, 32) for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
for name, shape in size.items():
    writer.add_tensor(f"{name}.weight", np.ones(shape, np.float32))
writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()

tokenizer = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(tokens)}, merges=merges))
split = pre_tokenizers.Split(Regex(pattern), "isolated")
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
tokenizer.add_special_tokens(["<|end|>"])
print("|".join(tokenizer.encode("x</s><|end|>").tokens))
PY
cat > read.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled, progressLogs: false });
const model = await llama.loadModel({ modelPath: "a.gguf", vocabOnly: true });
const shown = (special) => model.tokenize("x</s><|end|>", special).map((id) => model.detokenize([id], true)).join("|");
const [id] = model.tokenize("</s>", true);
console.log(`${shown(true)} plain ${shown(false)} ends ${model.isEogToken(id)}`);
await llama.dispose();
JS
original=$(venv/bin/python make.py)
llama=$(node read.mjs)
echo "tokenizers: $original"
echo "llama.cpp: $llama"
[ "$original" = "x|</|s|>|<|end|>" ] && [ "$llama" = "x|</s>|<|end|> plain x|</|s|>|<|||e|n|d|||> ends true" ]
