#!/usr/bin/env bash
# guess: request.signal of Deno.serve fires when the client leaves before it has its answer, whatever the request looks like
# what happens: it does for requests that came whole with the first 512 bytes. A longer one, or one whose body comes in a second packet, learns
#   nothing until its handler has answered, though its body was read to the end; once the head of a reply is sent, it is told again.
#   node:http in the same program tells of each
# version: Deno 2.9.6 with --unstable-no-legacy-abort
# why it matters: a server of language models goes on with an answer that nobody waits for and keeps its place; tests with short requests pass
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund deno@2.9.6 > /dev/null
cat > left.ts <<'TS'
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

type Said = (name: string, how: string) => void;
const bytes = (text: string) => new TextEncoder().encode(text);
const WAIT_MS = 3000;

/** What a server learns of clients that leave as soon as their request has come, by the request's size and pieces. */
async function ask(title: string, serve: (said: Said, came: (name: string) => void) => Promise<number>) {
  const heard = new Map<string, string>(), come = new Map<string, () => void>();
  const port = await serve((name, how) => heard.set(name, how), (name) => come.get(name)?.());
  await Promise.all([[512, 1], [513, 1], [512, 2], [50000, 1]].map(async ([size, pieces]) => {
    const name = `/${size}/${pieces}`, { promise, resolve } = Promise.withResolvers<void>();
    come.set(name, resolve);
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    // five digits for the length, whatever it is
    const head = (length: number) =>
      `POST ${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${String(length).padStart(5, "0")}\r\n\r\n`;
    const length = size - head(0).length, all = bytes(head(length) + "a".repeat(length)), cut = head(0).length;
    if (pieces === 2) {
      await client.write(all.subarray(0, cut));
      await new Promise((done) => setTimeout(done, 200));
      await client.write(all.subarray(cut));
    } else for (let at = 0; at < all.length;) at += await client.write(all.subarray(at));
    await promise;
    client.close();
  }));
  await new Promise((done) => setTimeout(done, WAIT_MS + 500));
  for (const name of ["/512/1", "/513/1", "/512/2", "/50000/1"]) {
    const [, size, pieces] = name.split("/");
    console.log(`${title}, ${size} bytes in ${pieces === "1" ? "one piece" : "two pieces"}: ${heard.get(name)}`);
  }
}

await ask("Deno.serve", async (said, came) => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const name = new URL(request.url).pathname;
    await request.arrayBuffer();
    const told = new Promise((done) => request.signal.addEventListener("abort", () => done("told")));
    came(name);
    said(name, await Promise.race([told, new Promise((done) => setTimeout(done, WAIT_MS, "not told"))]) as string);
    return new Response();
  });
  return server.addr.port;
});
await ask("node:http", async (said, came) => {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", async () => {
      const told = new Promise((done) => response.on("close", () => done("told")));
      came(request.url!);
      said(request.url!, await Promise.race([told, new Promise((done) => setTimeout(done, WAIT_MS, "not told"))]) as string);
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", () => done()));
  return (server.address() as AddressInfo).port;
});
Deno.exit();
TS
output=$(npx --no-install deno run --no-check --no-config --allow-net --unstable-no-legacy-abort left.ts)
echo "$output"
expected="Deno.serve, 512 bytes in one piece: told
Deno.serve, 513 bytes in one piece: not told
Deno.serve, 512 bytes in two pieces: not told
Deno.serve, 50000 bytes in one piece: not told
node:http, 512 bytes in one piece: told
node:http, 513 bytes in one piece: told
node:http, 512 bytes in two pieces: told
node:http, 50000 bytes in one piece: told"
[ "$output" = "$expected" ] || { echo "changed: expected
$expected"; exit 1; }
