#!/usr/bin/env bash
# guess: the texts of an agent's streamed updates, joined, are its answer, as with the deltas of OpenAI's own client and as with this framework's own client for chats
# what happens: with agent-framework's client for /v1/responses one more update has the whole text again: event response.output_text.done, which OpenAI's
#   service sends behind the deltas, becomes a text that is to replace what came before (merge_mode "replace"). The stream's final response is right, and what
#   is printed from update.text stands there twice
# version: agent-framework-core 1.23.0, agent-framework-openai 1.17.0 (openai 2.54.0)
# why it matters: it looks like a server that says everything twice; await stream.get_final_response(), or look at merge_mode
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check agent-framework-core==1.23.0 agent-framework-openai==1.17.0 openai==2.54.0
cat > ask.py <<'PY'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent_framework import Agent
from agent_framework.openai import OpenAIChatClient, OpenAIChatCompletionClient

USAGE = {"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}, "output_tokens": 2,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 3}


def response(status, output, usage=None):
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m", "output": output, "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1,
            "tool_choice": "auto", "tools": [], "top_p": 1, "usage": usage}


def part(text):
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def item(status, content):
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content}


PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
DONE = item("completed", [part("One two")])
EVENTS = [
    ("response.created", {"response": response("in_progress", [])}),
    ("response.in_progress", {"response": response("in_progress", [])}),
    ("response.output_item.added", {"output_index": 0, "item": item("in_progress", [])}),
    ("response.content_part.added", {**PLACE, "part": part("")}),
    ("response.output_text.delta", {**PLACE, "delta": "One", "logprobs": []}),
    ("response.output_text.delta", {**PLACE, "delta": " two", "logprobs": []}),
    ("response.output_text.done", {**PLACE, "text": "One two", "logprobs": []}),
    ("response.content_part.done", {**PLACE, "part": part("One two")}),
    ("response.output_item.done", {"output_index": 0, "item": DONE}),
    ("response.completed", {"response": response("completed", [DONE], USAGE)}),
]


def chunk(delta, finish=None):
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}


CHUNKS = [chunk({"role": "assistant", "content": ""}), chunk({"content": "One"}), chunk({"content": " two"}), chunk({}, "stop")]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if self.path.endswith("/responses"):
            for number, (kind, more) in enumerate(EVENTS):
                body = json.dumps({"type": kind, "sequence_number": number, **more})
                self.wfile.write(f"event: {kind}\ndata: {body}\n\n".encode())
        else:
            for body in CHUNKS:
                self.wfile.write(f"data: {json.dumps(body)}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


async def main(port):
    for Client in (OpenAIChatCompletionClient, OpenAIChatClient):
        agent = Agent(client=Client(model="m", api_key="none", base_url=f"http://127.0.0.1:{port}/v1"))
        stream = agent.run("x", stream=True)
        joined = "".join([update.text or "" async for update in stream])
        print(f"{Client.__name__}: joined {joined!r}, final {(await stream.get_final_response()).text!r}")


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(server.server_address[1]))
PY
output=$(NO_PROXY='*' venv/bin/python ask.py 2> /dev/null)
echo "$output"
expected="OpenAIChatCompletionClient: joined 'One two', final 'One two'
OpenAIChatClient: joined 'One twoOne two', final 'One two'"
[ "$output" = "$expected" ] || { echo "changed: expected"; echo "$expected"; exit 1; }
