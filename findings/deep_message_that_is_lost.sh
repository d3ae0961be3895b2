#!/usr/bin/env bash
# guess: a JSON schema that is nested too deep for a Worker is told of, as postMessage() throws DataCloneError or the Worker's messageerror fires
# what happens: there are depths that the sender can write and the Worker can't read. Then nothing is told on either side, by no event and no
#   error, and the Worker goes on with the next message; only still deeper values throw (a RangeError of the stack) at the sender
# version: Deno 2.9.6
# why it matters: a request whose schema is sent to a Worker waits for a reply that never comes, and keeps its place in the server
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund deno@2.9.6 > /dev/null
cat > worker.js <<'JS'
self.onmessage = ({ data }) => self.postMessage(data === "are you there?" ? "there" : "came");
self.onmessageerror = () => self.postMessage("messageerror");
JS
cat > lost.ts <<'TS'
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const heard: string[] = [];
let there = () => {};
worker.onmessage = ({ data }) => data === "there" ? there() : heard.push(data);
worker.onmessageerror = () => heard.push("messageerror here");
worker.onerror = (event) => {
  event.preventDefault();
  heard.push("error here");
};
/** What is told of a schema of so many levels, until the Worker has answered the message behind it. */
async function send(levels: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  there = resolve;
  heard.length = 0;
  try {
    worker.postMessage(JSON.parse('{"items":'.repeat(levels) + "{}" + "}".repeat(levels)));
  } catch (error) {
    heard.push(`thrown ${(error as Error).name}`);
  }
  worker.postMessage("are you there?");
  await promise;
  return heard.join(", ") || "nothing";
}
const told = new Map<string, [first: number, last: number]>();
for (let levels = 100; levels <= 20_000; levels += 100) {
  const words = await send(levels), known = told.get(words);
  told.set(words, [known?.[0] ?? levels, levels]);
}
for (const [words, [first, last]] of told) console.log(`${words}: seen from ${first} to ${last} levels`);
// where the two borders lie depends on the machine's stack
const kinds = [...told.keys()].sort().join("; ");
if (kinds !== "came; nothing; thrown RangeError") {
  console.error(`It has changed: ${kinds}`);
  Deno.exit(1);
}
worker.terminate();
TS
npx deno run --allow-read lost.ts
