#!/usr/bin/env bash
# guess: OpenAI's client for JavaScript waits as long as a server's Retry-After asks, or hands the error on
# what happens: it waits up to 60 s; a longer Retry-After is ignored, and it asks again within a second, as often as maxRetries says
# version: openai 7.57.0
# why it matters: who is told to wait for two minutes and asks again at once is locked out for longer; set maxRetries: 0 and wait oneself
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund openai@7.57.0 > /dev/null
cat > ask.mjs <<'JS'
import { createServer } from "node:http";
import OpenAI from "openai";

const ask = async (seconds) => {
  const times = [];
  const server = createServer((_, reply) => {
    times.push(performance.now());
    reply.writeHead(429, { "retry-after": String(seconds), "content-type": "application/json" });
    reply.end('{"error": {"message": "slow down"}}');
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const client = new OpenAI({ apiKey: "none", baseURL: `http://127.0.0.1:${server.address().port}/v1`, maxRetries: 1, logLevel: "off" });
  await client.chat.completions.create({ model: "m", messages: [] }).catch(() => {});
  server.close();
  return (times[1] - times[0]) / 1000;
};
for (const seconds of [3, 120]) {
  const waited = await ask(seconds);
  console.log(`Retry-After ${seconds}: asked again ${waited >= seconds - 0.1 ? "after it" : waited < 2 ? "within two seconds" : "in between"}`);
}
JS
output=$(node ask.mjs)
echo "$output"
expected="after it|within two seconds"
[ "$(sed 's/.*again //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
