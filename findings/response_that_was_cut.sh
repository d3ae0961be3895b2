#!/usr/bin/env bash
# guess: the final response of a stream of /v1/responses is the one that its last event brings, also where the answer reached max_output_tokens (status
#   incomplete, event response.incomplete, as OpenAI's reference has it)
# what happens: OpenAI's client for Python raises "Didn't receive a `response.completed` event" behind all the text. The one for JavaScript gave the response
#   as it had begun (in_progress, no usage) in versions 4 and 5, and the right one since 6. The Agents SDK for Python raises where it doesn't stream, too
# version: openai 3.57.0 for Python, 5.23.2 and 7.57.0 for JavaScript, openai-agents 0.24.0
# why it matters: a limit on tokens turns an answer into an error, for some clients and not for others; the chats' finish_reason "length" is none. Without
#   stream, responses.create() gives the cut answer in both languages
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check openai==3.57.0 openai-agents==0.24.0
npm install --silent --no-audit --no-fund old@npm:openai@5.23.2 new@npm:openai@7.57.0 > /dev/null
cat > serve.mjs <<'JS'
import { createServer } from "node:http";

const response = (status, output, more = {}) => ({
  id: "resp_1", object: "response", created_at: 1, status, model: "m", output, error: null, incomplete_details: null, instructions: null,
  metadata: {}, parallel_tool_calls: true, temperature: 1, tool_choice: "auto", tools: [], top_p: 1, usage: null, ...more,
});
const part = (text) => ({ type: "output_text", text, annotations: [], logprobs: [] });
const item = (status, content) => ({ id: "msg_1", type: "message", role: "assistant", status, content });
const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
const usage = { input_tokens: 1, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: 1, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 2 };
const done = response("incomplete", [item("incomplete", [part("One")])], { usage, incomplete_details: { reason: "max_output_tokens" } });
const events = [
  ["response.created", { response: response("in_progress", []) }],
  ["response.in_progress", { response: response("in_progress", []) }],
  ["response.output_item.added", { output_index: 0, item: item("in_progress", []) }],
  ["response.content_part.added", { ...place, part: part("") }],
  ["response.output_text.delta", { ...place, delta: "One", logprobs: [] }],
  ["response.output_text.done", { ...place, text: "One", logprobs: [] }],
  ["response.content_part.done", { ...place, part: part("One") }],
  ["response.output_item.done", { output_index: 0, item: item("incomplete", [part("One")]) }],
  ["response.incomplete", { response: done }],
];
createServer(async (request, reply) => {
  let body = "";
  for await (const piece of request) body += piece;
  if (!JSON.parse(body).stream) return reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(done));
  reply.writeHead(200, { "content-type": "text/event-stream" });
  reply.end(events.map(([type, more], sequence_number) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...more })}\n\n`).join(""));
}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});
JS
cat > ask.mjs <<'JS'
for (const name of ["old", "new"]) {
  const { default: OpenAI } = await import(name), { VERSION } = await import(`${name}/version`);
  const client = new OpenAI({ apiKey: "none", baseURL: `${process.argv[2]}/v1` });
  const { status, usage } = await client.responses.stream({ model: "m", input: "x" }).finalResponse();
  console.log(`JavaScript ${VERSION}, stream: ${status}, ${usage ? "usage" : "no usage"}`);
}
JS
cat > ask.py <<'PY'
import sys

import openai
from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled

set_tracing_disabled(True)
address = {"api_key": "none", "base_url": f"{sys.argv[1]}/v1"}
client = openai.OpenAI(**address)
print("Python, no stream:", client.responses.create(model="m", input="x").status)
with client.responses.stream(model="m", input="x") as stream:
    text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    try:
        print(f"Python, stream of {text}:", stream.get_final_response().status)
    except RuntimeError as error:
        print(f"Python, stream of {text}:", error)
agent = Agent(name="a", model=OpenAIResponsesModel("m", openai_client=openai.AsyncOpenAI(**address)))
try:
    print("Agents SDK:", Runner.run_sync(agent, "x").final_output)
except Exception as error:
    print("Agents SDK:", type(error).__name__)
PY
exec 3< <(exec node serve.mjs)
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
read -r port <&3
output=$(node ask.mjs "http://127.0.0.1:$port"; NO_PROXY='*' venv/bin/python ask.py "http://127.0.0.1:$port" 2> /dev/null)
echo "$output"
expected="JavaScript 5.23.2, stream: in_progress, no usage
JavaScript 7.57.0, stream: incomplete, usage
Python, no stream: incomplete
Python, stream of One: Didn't receive a \`response.completed\` event.
Agents SDK: ModelBehaviorError"
[ "$output" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
