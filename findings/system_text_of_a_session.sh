#!/usr/bin/env bash
# guess: a LlamaChatSession of node-llama-cpp asks a GGUF file's model as the file's own chat template says: a question alone gives the template's text of a
#   question alone
# what happens: it puts a system message of its own in front, Llama 2's ("You are a helpful, respectful and honest assistant. …", 50 words), also in place of the one that the
#   template has for such a case. A ChatML template isn't rendered at all but replaced by a wrapper, which puts a start token in front although the file says
#   add_bos_token false: SmolLM2's files, whose start token is <|im_start|>, begin with it twice. systemPrompt: "" leaves the message out, and the template's own too
# version: node-llama-cpp 3.22.1 (llama.cpp), gguf 0.19.0
# why it matters: answers, and scores by them, are of another prompt than transformers, vLLM and llama-server give for the same file, and a model that was tuned without a system
#   message meets one. Compare model.detokenize(session.sequence.contextTokens, true), or pass systemPrompt and a JinjaTemplateChatWrapper
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional node-llama-cpp@3.22.1 @node-llama-cpp/linux-x64@3.22.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile tokenizers==0.23.3 gguf==0.19.0
# a model of bytes, with the chat template of SmolLM2-Instruct
cat > make.py <<'PY'
import gguf
import numpy as np
from tokenizers import pre_tokenizers

template = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|im_start|>", "<|im_end|>"]
size, width = len(tokens), 32
writer = gguf.GGUFWriter("model.gguf", "llama")
writer.add_context_length(1024), writer.add_embedding_length(width), writer.add_block_count(1), writer.add_feed_forward_length(width)
writer.add_head_count(1), writer.add_layer_norm_rms_eps(1e-5), writer.add_vocab_size(size)
writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("gpt-2"), writer.add_token_list(tokens), writer.add_token_merges(["a b"])
writer.add_token_types([gguf.TokenType.NORMAL] * (size - 2) + [gguf.TokenType.CONTROL] * 2)
writer.add_bos_token_id(size - 2), writer.add_eos_token_id(size - 1), writer.add_add_bos_token(False)
writer.add_chat_template(template)
shapes = {"token_embd": (size, width), "output_norm": (width,), "blk.0.attn_norm": (width,), "blk.0.ffn_norm": (width,)}
shapes |= {f"blk.0.{name}": (width, width) for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
for name, shape in shapes.items():
    writer.add_tensor(f"{name}.weight", np.ones(shape, np.float32))
writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
PY
venv/bin/python make.py
cat > ask.mjs <<'JS'
import { getLlama, LlamaChatSession, LlamaLogLevel } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false });
const model = await llama.loadModel({ modelPath: "model.gguf" });
for (const [name, options] of Object.entries({ "as it comes": {}, 'systemPrompt: ""': { systemPrompt: "" } })) {
  const context = await model.createContext({ contextSize: 1024 });
  const session = new LlamaChatSession({ contextSequence: context.getSequence(), ...options });
  await session.prompt("Hi", { maxTokens: 1, temperature: 0 });
  console.log(`${name}: ${JSON.stringify(model.detokenize(session.sequence.contextTokens, true)).replace(/(helpful, respectful).*(information\.)/, "$1 … $2")}`);
  await context.dispose();
}
await llama.dispose();
JS
output=$(node ask.mjs)
echo "$output"
end='<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"'
expected='as it comes: "<|im_start|><|im_start|>system\nYou are a helpful, respectful … information.<|im_end|>\n'"$end"'|systemPrompt: "": "<|im_start|>'"$end"
[ "$(paste -sd'|' <<< "$output")" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
