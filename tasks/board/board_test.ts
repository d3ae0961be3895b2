/** The board over HTTP. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { lockDirectory } from "../../formats/directory_lock.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { type BoardOptions, startBoard } from "./server.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

function fault(error: unknown): never {
  throw error;
}

function begin(folders: readonly string[], options: Partial<BoardOptions> = {}) {
  return startBoard({ folders, port: 0, token: TOKEN, fault, ...options });
}

/** A line of trainer_log.jsonl. */
function logLine(step: number, values: Record<string, number> = {}): string {
  return JSON.stringify({
    current_steps: step,
    total_steps: 100,
    loss: 1 / step,
    lr: 1e-4,
    elapsed_time: `0:0${Math.floor(step / 6)}:${step % 6}0`,
    remaining_time: "1:00:00",
    total_tokens: step * 1000,
    ...values,
  }) + "\n";
}

function makeRun(folder: string, steps: number): string {
  Deno.mkdirSync(folder, { recursive: true });
  const lines = Array.from({ length: steps }, (_, i) => logLine(i + 1));
  Deno.writeTextFileSync(join(folder, "trainer_log.jsonl"), lines.join(""));
  Deno.writeTextFileSync(join(folder, "run.yaml"), "output_dir: x\n");
  return folder;
}

Deno.test("the board lets nobody in without the token, from another page, or by another name", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "a"), 3);
  await using board = await begin([folder]);
  const { origin } = new URL(board.address);
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const reply = await fetch(new URL(path, board.address), { headers, method, redirect: "manual" });
    const text = await reply.text();
    assertStringIncludes(reply.headers.get("content-security-policy") ?? "", "default-src 'none'", path);
    assertEquals(reply.headers.get("x-content-type-options"), "nosniff");
    return [reply.status, text] as const;
  };
  assertEquals((await ask("api/runs"))[0], 200);
  assertEquals((await ask(`/${TOKEN}`))[0], 302);
  for (const path of ["/", "/api/runs", `/${TOKEN.slice(1)}/api/runs`, `/${TOKEN}0/`, "/%00/", "//"]) {
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

  // another name for this machine, as a page of others would use; fetch() can't send it
  using socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(board.address).port) });
  const request = `GET /${TOKEN}/api/runs HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n`;
  await socket.write(new TextEncoder().encode(request));
  const answer = await new Response(socket.readable).text();
  assertStringIncludes(answer, "HTTP/1.1 403");
});

Deno.test("nothing outside the given folders is shown, whatever the id or the link", async () => {
  const folder = temporaryFolder(), outside = makeRun(join(temporaryFolder(), "secret"), 3);
  makeRun(join(folder, "saves/a"), 3);
  makeRun(join(folder, "saves-b"), 3);
  await Deno.symlink(outside, join(folder, "saves/linked"));
  await Deno.mkdir(join(folder, "saves/half"));
  await Deno.symlink(join(outside, "trainer_log.jsonl"), join(folder, "saves/half/trainer_log.jsonl"));
  await using board = await begin([join(folder, "saves")]);
  const { runs } = await (await fetch(`${board.address}api/runs`)).json();
  assertEquals(runs.map(({ id }: { id: string }) => id), ["0:a"]);
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

Deno.test("curves grow with the log, by steps, tokens or time, and a run that begins again begins anew", async () => {
  const folder = temporaryFolder(), run = makeRun(join(folder, "a"), 2), log = join(run, "trainer_log.jsonl");
  await using board = await begin([folder]);
  const events = new EventSource(`${board.address}api/events`);
  const told: { runs: { state: string; step: number; values: Record<string, number> }[] }[] = [];
  let wake = Promise.withResolvers<void>();
  events.addEventListener("runs", ({ data }) => {
    told.push(JSON.parse(data));
    wake.resolve();
  });
  const until = async (fits: (runs: typeof told[0]["runs"]) => boolean) => {
    while (!fits(told.at(-1)?.runs ?? [])) {
      await wake.promise;
      wake = Promise.withResolvers();
    }
    return told.at(-1)!.runs[0]!;
  };
  const curves = async (query: string) =>
    await (await fetch(`${board.address}api/curves?run=0:a&${query}`)).json();
  try {
    assertEquals((await until((runs) => runs.length > 0)).state, "stopped");
    {
      using _lock = lockDirectory(run, "write to");
      // half a line is no line yet
      const [third, fourth] = [logLine(3, { "rewards/margins": 2.5 }), logLine(4)];
      Deno.writeTextFileSync(log, third + fourth.slice(0, 20), { append: true });
      const third_ = await until((runs) => runs[0]?.step === 3);
      assertEquals([third_.state, third_.values["rewards/margins"]], ["running", 2.5]);
      Deno.writeTextFileSync(log, fourth.slice(20), { append: true });
      await until((runs) => runs[0]?.step === 4);
    }
    const loss = await curves("name=loss");
    assertEquals(loss, {
      x: [1, 2, 3, 4],
      lines: [[1, 1 / 2, 1 / 3, 1 / 4]],
      exact: true,
      logged: [],
      range: [1, 4],
    });
    assertEquals((await curves("name=loss&over=tokens")).x, [1000, 2000, 3000, 4000]);
    assertEquals((await curves("name=loss&over=time")).x, [10, 20, 30, 40]);
    assertEquals(await curves("name=rewards/margins"), {
      x: [3],
      lines: [[2.5]],
      exact: true,
      logged: [],
      range: [3, 3],
    });
    assertEquals((await curves("name=loss&from=2&to=2.5")).x, [1, 2, 3]);
    // 0.5 · 1 / 0.5; (0.5 · 0.5 · 1 + 0.5 · 0.5) / 0.75
    assertEquals((await curves("name=loss&smooth=0.5&to=1")).lines, [[1, (0.25 + 0.25) / 0.75]]);
    assertEquals((await fetch(`${board.address}api/curves?run=0:a&name=loss&points=1`)).status, 400);
    const csv = await (await fetch(`${board.address}api/curves.csv?run=0:a&name=loss`)).text();
    assertEquals(csv.split("\r\n").slice(0, 3), ["run,step,loss", "a,1,1", "a,2,0.5"]);
    const svg = await (await fetch(`${board.address}api/curves.svg?run=0:a&name=loss&smooth=0.5`)).text();
    assert(
      svg.startsWith("<svg") && svg.includes(">loss</text>") && svg.includes(">a</text>"),
      svg.slice(0, 200),
    );

    Deno.writeTextFileSync(log, logLine(1, { loss: 7 }));
    await until((runs) => runs[0]?.step === 1);
    assertEquals((await curves("name=loss")).lines, [[7]]);
    Deno.writeTextFileSync(join(run, "all_results.json"), "{}");
    await until((runs) => runs[0]?.state === "finished");
  } finally {
    events.close();
  }
});
