#!/usr/bin/env bash
# guess: a GGUF file says by tokenizer.ggml.pre how texts are cut before merging, so whoever opens it gets the same token ids
# what happens: transformers (from_pretrained with gguf_file) knows a list of splitters, and one that isn't on it (smollm, of SmolLM2's files, for which each digit stands alone) is passed
#   over without a word: it cuts as GPT-2 does, so "1234" may be one token. llama.cpp cuts as the file says. For llama-bpe (Llama 3) and
#   gpt-2 both agree
# version: transformers 5.24.0, gguf 0.19.0, node-llama-cpp 3.22.1 (llama.cpp)
# why it matters: a model that is tuned or judged on its GGUF file in transformers sees numbers cut as it never saw them in training, and nothing
#   fails. Take the tokenizer of the model's own folder beside the file
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile transformers==5.24.0 tokenizers==0.23.3 gguf==0.19.0
# A vocabulary of bytes, and of numbers that merge: with GPT-2's cutting "1234" is one token.
cat > make.py <<'PY'
import gguf
import numpy as np
from tokenizers import pre_tokenizers

merges = ["1 2", "12 3", "123 4", "Ġ 1234"]
tokens = sorted(pre_tokenizers.ByteLevel.alphabet()) + ["12", "123", "1234", "Ġ1234", "<|end|>"]
for pre in ("smollm", "llama-bpe", "gpt-2"):
    writer = gguf.GGUFWriter(f"{pre}.gguf", "llama")
    writer.add_context_length(64), writer.add_embedding_length(32), writer.add_block_count(1), writer.add_feed_forward_length(32)
    writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens), writer.add_token_merges(merges)
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 1) + [gguf.TokenType.CONTROL])
    writer.add_bos_token_id(len(tokens) - 1), writer.add_eos_token_id(len(tokens) - 1), writer.add_add_bos_token(False)
    size = {"token_embd": (len(tokens), 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    size |= {f"blk.0.{name}": (32, 32) for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
    for name, shape in size.items():
        writer.add_tensor(f"{name}.weight", np.ones(shape, np.float32))
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
PY
venv/bin/python make.py
# What from_pretrained calls once it has read the file. (Its own reading wants PyTorch, which nothing else here does.)
cat > read.py <<'PY'
import os, sys
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from gguf import GGUFReader
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_TOKENIZER_MAPPING, convert_gguf_tokenizer

fields = {name: field.contents() for name, field in GGUFReader(sys.argv[1]).fields.items()}
known = {new: fields[f"tokenizer.{old}"] for old, new in GGUF_TOKENIZER_MAPPING["tokenizer"].items() if f"tokenizer.{old}" in fields}
tokenizer, _ = convert_gguf_tokenizer(fields["general.architecture"], known)
print("|".join(tokenizer.encode(sys.argv[2], add_special_tokens=False).tokens).replace("Ġ", " "))
PY
cat > read.mjs <<'JS'
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
const [file, text] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false });
const model = await llama.loadModel({ modelPath: file, vocabOnly: true });
console.log(model.tokenize(text).map((id) => model.detokenize([id])).join("|"));
await llama.dispose();
JS
failed=0
expect() { # file, what is expected, label, command
  seen=$("${@:4}" "$1.gguf" "in 1234 5")
  printf '%-10s %-28s %s\n' "$1" "$3" "$seen"
  [ "$seen" = "$2" ] || failed=1
}
expect smollm "i|n| |1|2|3|4| |5" "llama.cpp" node read.mjs
expect llama-bpe "i|n| |123|4| |5" "llama.cpp" node read.mjs
expect gpt-2 "i|n| 1234| |5" "llama.cpp" node read.mjs
expect smollm "i|n| 1234| |5" "transformers 5.24.0" venv/bin/python read.py
expect llama-bpe "i|n| |123|4| |5" "transformers 5.24.0" venv/bin/python read.py
expect gpt-2 "i|n| 1234| |5" "transformers 5.24.0" venv/bin/python read.py
exit $failed
