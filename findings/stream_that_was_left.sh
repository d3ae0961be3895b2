#!/usr/bin/env bash
# guess: leaving the loop over a stream of OpenAI's client (break, return, an exception) ends the request, in Python at the latest when the function
#   returns and nothing holds the stream any more
# what happens: in JavaScript it does. In Python the server's answer goes on to its end: the stream is part of a cycle of references, so it lives until the garbage
#   collector happens to look for cycles. close(), or `with`, ends it at once
# version: openai 3.57.0 for Python, 7.57.0 for JavaScript
# why it matters: a client that stops at the first line, or at a word, keeps its place in the server and pays for every token up to max_tokens. A server sees
#   no difference from a client that reads on. Write `with client.chat.completions.create(..., stream=True) as stream`
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check openai==3.57.0
npm install --silent --no-audit --no-fund openai@7.57.0 > /dev/null
# answers of 40 pieces in 4 s; when one is left, the number of those that were sent is kept
cat > serve.mjs <<'JS'
import { createServer } from "node:http";

const sent = {};
createServer(async (request, reply) => {
  if (request.method === "GET") return reply.end(JSON.stringify(sent));
  for await (const _ of request);
  const name = request.headers["x-name"];
  let open = true;
  reply.on("close", () => open = false);
  reply.writeHead(200, { "content-type": "text/event-stream" });
  for (sent[name] = 0; sent[name] < 40 && open; sent[name]++) {
    const choices = [{ index: 0, delta: { content: "x" }, finish_reason: null }];
    reply.write(`data: ${JSON.stringify({ id: "a", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`);
    await new Promise((done) => setTimeout(done, 100));
  }
  reply.end("data: [DONE]\n\n");
}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port);
});
JS
cat > leave.mjs <<'JS'
import OpenAI from "openai";

const client = new OpenAI({ apiKey: "none", baseURL: `${process.argv[2]}/v1` });
const headers = { "x-name": "JavaScript, break" };
for await (const _ of await client.chat.completions.create({ model: "m", messages: [], stream: true }, { headers })) break;
await new Promise((done) => setTimeout(done, 6000));
process.exit(0);
JS
cat > leave.py <<'PY'
import gc
import sys
import time

from openai import OpenAI

client = OpenAI(api_key="none", base_url=f"{sys.argv[1]}/v1")


def ask(name):
    return client.chat.completions.create(model="m", messages=[], stream=True, extra_headers={"x-name": f"Python, {name}"})


def first(name):
    for _ in ask(name):
        return


first("return, then gc.collect()")
gc.collect()
gc.disable()
first("return")
kept = ask("break")
for _ in kept:
    break
stream = ask("break, close()")
for _ in stream:
    break
stream.close()
with ask("break in with") as stream:
    for _ in stream:
        break
time.sleep(6)
PY
exec 3< <(exec node serve.mjs)
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
read -r port <&3
node leave.mjs "http://127.0.0.1:$port" &
venv/bin/python leave.py "http://127.0.0.1:$port"
wait $!
node -e 'fetch(process.argv[1]).then((r) => r.json()).then((sent) => {
  let changed = false;
  for (const [name, count] of Object.entries(sent).sort()) {
    const all = count === 40, goesOn = /break$|return$/.test(name) && name.startsWith("Python");
    console.log(`${name}: ${all ? "all 40 pieces were sent" : count < 30 ? "ended early" : "unclear"}`);
    changed ||= all !== goesOn || (!all && count >= 30);
  }
  process.exit(changed || Object.keys(sent).length !== 6 ? 1 : 0);
})' "http://127.0.0.1:$port" || { echo "changed"; exit 1; }
