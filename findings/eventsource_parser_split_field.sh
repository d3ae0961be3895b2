#!/usr/bin/env bash
# guess: eventsource-parser tells fields that it doesn't know (onError, type unknown-field) however the stream is cut into pieces
# what happens: it tells them when a line comes whole, and drops them without a word when a line comes in two pieces
# version: eventsource-parser 4.1.3
# why it matters: llama.cpp's server sent errors in streams as a field of its own ("error: {...}"); a client that reads them by
#   onError misses those that the network cuts, and takes a broken-off answer for one that merely ended. Feed whole lines
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund eventsource-parser@4.1.3 > /dev/null
cat > read.mjs <<'JS'
import { createParser } from "eventsource-parser";

const stream = 'data: {"a": 1}\n\nerror: {"message": "context is full"}\n\n';
for (const size of [stream.length, 20, 7]) {
  let told = "nothing";
  const parser = createParser({ onEvent() {}, onError: ({ type, field }) => told = `${type} ${field}` });
  for (let from = 0; from < stream.length; from += size) parser.feed(stream.slice(from, from + size));
  console.log(`pieces of ${size} characters: ${told}`);
}
JS
output=$(node read.mjs)
echo "$output"
expected="unknown-field error|nothing|nothing"
[ "$(sed 's/.*: //' <<< "$output" | paste -sd'|')" = "$expected" ] || { echo "changed: expected $expected"; exit 1; }
