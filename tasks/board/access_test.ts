/** The board over HTTP: who is let in, and what of the disk is shown. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { makeRun } from "./_made_runs.ts";
import { beginBoard, BOARD_TOKEN } from "./_begun_board.ts";

Deno.test("the board lets nobody in without the token, from another page, or by another name", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "a"), 3);
  await using board = await beginBoard([folder]);
  const { origin } = new URL(board.address);
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const reply = await fetch(new URL(path, board.address), { headers, method, redirect: "manual" });
    const text = await reply.text();
    assertStringIncludes(reply.headers.get("content-security-policy") ?? "", "default-src 'none'", path);
    assertEquals(reply.headers.get("x-content-type-options"), "nosniff");
    return [reply.status, text] as const;
  };
  assertEquals((await ask("api/runs"))[0], 200);
  assertEquals((await ask(`/${BOARD_TOKEN}`))[0], 302);
  for (
    const path of ["/", "/api/runs", `/${BOARD_TOKEN.slice(1)}/api/runs`, `/${BOARD_TOKEN}0/`, "/%00/", "//"]
  ) {
    assertEquals((await ask(origin + path))[0], 401, path);
  }
  assertEquals((await ask("api/runs", { "sec-fetch-site": "cross-site" }))[0], 403);
  assertEquals((await ask("api/runs", { "sec-fetch-site": "same-site" }))[0], 403);
  assertEquals((await ask("api/runs", { "sec-fetch-site": "same-origin" }))[0], 200);
  assertEquals((await ask("api/runs", { origin: "https://example.org" }))[0], 403);
  assertEquals((await ask("api/runs", { origin: "null" }))[0], 403);
  assertEquals((await ask("api/runs", {}, "POST"))[0], 403);
  assertEquals((await ask("api/runs", { origin }, "POST"))[0], 415);
  assertEquals((await ask("gone.js"))[0], 404);
  assertEquals((await ask("api/gone"))[0], 404);

  // names and paths as they are, where fetch() would put them right
  const raw = async (path: string, ...hosts: string[]) => {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(board.address).port) });
    const names = hosts.map((host) => `Host: ${host}\r\n`).join("");
    await socket.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${names}Connection: close\r\n\r\n`));
    const answer = await new Response(socket.readable).text();
    assert(!answer.includes("root:"), path);
    return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
  };
  const runs = `/${BOARD_TOKEN}/api/runs`;
  for (const host of ["localhost", "127.0.0.1:80", "[::1]:8090"]) {
    assertEquals(await raw(runs, host), 200, host);
  }
  const others = [
    "example.org",
    "127.0.0.1.example.org",
    "localhost.example.org",
    "127.0.0.1@example.org",
    "0.0.0.0",
    "",
  ];
  for (const host of others) assert(await raw(runs, host) >= 400, host);
  assert(await raw(runs) >= 400, "no host");
  const up = "%2e%2e/".repeat(12), plain = "../".repeat(12);
  for (
    const path of [
      `/${BOARD_TOKEN}/${up}etc/passwd`,
      `/${BOARD_TOKEN}/${plain}etc/passwd`,
      `/${BOARD_TOKEN}/..%2f..%2f..%2f..%2fetc%2fpasswd`,
      `/${BOARD_TOKEN}/board/page/..%2f..%2f..%2fdeno.json`,
      `/${BOARD_TOKEN}/board/page/../guard.ts`,
      `/${BOARD_TOKEN}/api/run?run=0:${up}etc`,
      `/${BOARD_TOKEN}/api/run?run=0:a%00`,
      `/${BOARD_TOKEN}/talk/0:a/${up}etc/passwd`,
      `/x/../${BOARD_TOKEN}x/api/runs`,
    ]
  ) assert([400, 401, 404].includes(await raw(path, "localhost")), path);
});

Deno.test("nothing outside the given folders is shown, whatever the id or the link", async () => {
  const folder = temporaryFolder(), outside = makeRun(join(temporaryFolder(), "secret"), 3);
  makeRun(join(folder, "saves/a"), 3);
  makeRun(join(folder, "saves-b"), 3);
  await Deno.symlink(outside, join(folder, "saves/linked"));
  await Deno.mkdir(join(folder, "saves/half"));
  await Deno.symlink(join(outside, "trainer_log.jsonl"), join(folder, "saves/half/trainer_log.jsonl"));
  // files of a run that are links out of it
  Deno.writeTextFileSync(join(outside, "README.md"), "a secret");
  await Deno.remove(join(folder, "saves/a/run.yaml"));
  for (const name of ["run.yaml", "README.md"]) {
    await Deno.symlink(join(outside, name), join(folder, "saves/a", name));
  }
  await using board = await beginBoard([join(folder, "saves")]);
  const { runs } = await (await fetch(`${board.address}api/runs`)).json();
  assertEquals(runs.map(({ id }: { id: string }) => id), ["0:a"]);
  const details = await (await fetch(`${board.address}api/run?run=0:a`)).json();
  assertEquals([details.config, details.card], [null, null]);
  assertEquals(details.files.map(({ name }: { name: string }) => name), ["trainer_log.jsonl"]);
  assertEquals((await fetch(`${board.address}api/tokens?run=0:a`)).status, 404);
  const ids = [
    "0:linked",
    "0:half",
    "0:../saves-b",
    "0:..",
    `0:${outside}`,
    "0:a/../../saves-b",
    "1:a",
    "a",
    "0:\0",
    "0:gone",
    "",
  ];
  for (const id of ids) {
    const reply = await fetch(`${board.address}api/curves?name=loss&run=${encodeURIComponent(id)}`);
    const { error } = await reply.json();
    assertEquals(reply.status, 404, id);
    assert(!error.includes(outside) || id.includes(outside), error);
  }
});
