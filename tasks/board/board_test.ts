/** The board over HTTP. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { lockDirectory } from "../../formats/directory_lock.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { until } from "../../tests/helpers/until.ts";
import { Labels } from "../eval/labels.ts";
import { HOSTILE_TEXTS, makeEvaluation, makeRun, trainerLogLine } from "./_made_runs.ts";
import { type BoardOptions, startBoard } from "./server.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

function fault(error: unknown): never {
  throw error;
}

function begin(folders: readonly string[], options: Partial<BoardOptions> = {}) {
  return startBoard({ folders, port: 0, token: TOKEN, fault, ...options });
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

  // names and paths as they are, where fetch() would put them right
  const raw = async (path: string, ...hosts: string[]) => {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(board.address).port) });
    const names = hosts.map((host) => `Host: ${host}\r\n`).join("");
    await socket.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${names}Connection: close\r\n\r\n`));
    const answer = await new Response(socket.readable).text();
    assert(!answer.includes("root:"), path);
    return Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]);
  };
  const runs = `/${TOKEN}/api/runs`;
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
      `/${TOKEN}/${up}etc/passwd`,
      `/${TOKEN}/${plain}etc/passwd`,
      `/${TOKEN}/..%2f..%2f..%2f..%2fetc%2fpasswd`,
      `/${TOKEN}/board/page/..%2f..%2f..%2fdeno.json`,
      `/${TOKEN}/board/page/../guard.ts`,
      `/${TOKEN}/api/run?run=0:${up}etc`,
      `/${TOKEN}/api/run?run=0:a%00`,
      `/${TOKEN}/talk/0:a/${up}etc/passwd`,
      `/x/../${TOKEN}x/api/runs`,
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
  await using board = await begin([join(folder, "saves")]);
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

Deno.test("what is strange, broken or taken away in a folder hides no other run", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "good"), 3);
  await makeEvaluation(join(folder, "evaluated"), (text) => text);
  // folders and a pipe by the names of files; nobody writes into the pipe
  for (const name of ["trainer_log.jsonl", "trainer_state.json", "items.jsonl", "run.yaml", "results.json"]) {
    await Deno.mkdir(join(folder, "folders", name), { recursive: true });
  }
  await Deno.mkdir(join(folder, "pipes"));
  const pipes = ["trainer_log.jsonl", "items.jsonl", "README.md"].map((name) => join(folder, "pipes", name));
  await new Deno.Command("mkfifo", { args: pipes }).output();
  await Deno.writeTextFile(join(folder, "pipes/run.yaml"), "evaluator: {}\n");
  makeRun(join(folder, "broken"), 2);
  await Deno.writeTextFile(join(folder, "broken/run.yaml"), "learning_rate: [1e-4\nstage: {");
  await Deno.writeTextFile(join(folder, "broken/README.md"), "its card");
  await Deno.mkdir(join(folder, "broken/checkpoint-7"));
  await Deno.symlink(temporaryFolder(), join(folder, "broken/checkpoint-8"));
  await using board = await begin([folder]);
  const ask = async (path: string) => {
    const reply = await fetch(`${board.address}api/${path}`, { signal: AbortSignal.timeout(60_000) });
    return { status: reply.status, ...await reply.json() };
  };
  assertEquals((await ask("runs")).runs.map(({ name }: { name: string }) => name).sort(), ["broken", "good"]);
  const broken = await ask("run?run=0:broken");
  assertEquals([broken.status, broken.config, broken.card], [200, null, "its card"]);
  assertStringIncludes(broken.fault, "run.yaml:");
  assertEquals(broken.checkpoints.map(({ step }: { step: number }) => step), [7]);
  for (const id of ["0:folders", "0:pipes"]) {
    assertEquals([id, (await ask(`items?run=${id}`)).status], [id, 404]);
    assertEquals([id, (await ask(`tokens?run=${id}`)).status >= 400], [id, true]);
  }
  assertEquals((await ask("run?run=0:pipes")).card, null);
  assertEquals((await ask("items?run=0:evaluated/run")).status, 200);
  // taken away while it is looked at
  await Deno.remove(join(folder, "good"), { recursive: true });
  await Deno.remove(join(folder, "evaluated"), { recursive: true });
  for (const path of ["run?run=0:good", "items?run=0:evaluated/run", "evaluation?run=0:evaluated/run"]) {
    const { status, error } = await ask(path);
    assertEquals([path, status], [path, 404], error);
  }
  assertEquals((await ask("run?run=0:broken")).status, 200);
});

Deno.test("curves grow with the log, by steps, tokens or time, and a run that is restarted starts over", async () => {
  const folder = temporaryFolder(), run = makeRun(join(folder, "a"), 2), log = join(run, "trainer_log.jsonl");
  await using board = await begin([folder]);
  const events = new EventSource(`${board.address}api/events`);
  const told: { runs: { state: string; step: number; values: Record<string, number> }[] }[] = [];
  events.addEventListener("runs", ({ data }) => void told.push(JSON.parse(data)));
  const toldOf = (what: string, fits: (run: typeof told[0]["runs"][0]) => boolean) =>
    until(what, () => told.at(-1)?.runs.find(fits), { said: () => JSON.stringify(told) });
  const curves = async (query: string) =>
    await (await fetch(`${board.address}api/curves?run=0:a&${query}`)).json();
  try {
    assertEquals((await toldOf("the run", () => true)).state, "stopped");
    {
      using _lock = lockDirectory(run, "write to");
      // half a line is no line yet
      const [third, fourth] = [trainerLogLine(3, { "rewards/margins": 2.5 }), trainerLogLine(4)];
      Deno.writeTextFileSync(log, third + fourth.slice(0, 20), { append: true });
      // a look that began before the lock was there still reads what was written behind it
      const { values } = await toldOf("step 3", ({ step, state }) => step === 3 && state === "running");
      assertEquals(values["rewards/margins"], 2.5);
      Deno.writeTextFileSync(log, fourth.slice(20), { append: true });
      await toldOf("step 4", ({ step }) => step === 4);
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
    // one bucket: its highest and lowest value with six digits; ((0.5 · 0.4166… + 0.5 · 0.25) / 0.9375)
    const ends = await curves("name=loss&smooth=0.5&points=2");
    assertEquals([ends.exact, ends.lines, ends.logged], [false, [[1, 0.355556]], []]);
    assertEquals((await curves("name=loss&smooth=0.5&points=2&logged=1")).logged, [[1, 0.25]]);
    assertEquals((await fetch(`${board.address}api/curves?run=0:a&name=loss&points=1`)).status, 400);
    const csv = await (await fetch(`${board.address}api/curves.csv?run=0:a&name=loss`)).text();
    assertEquals(csv.split("\r\n").slice(0, 3), ["run,step,loss", "a,1,1", "a,2,0.5"]);
    const svg = await (await fetch(`${board.address}api/curves.svg?run=0:a&name=loss&smooth=0.5`)).text();
    for (const text of ["loss", "step", "a", "1 training"]) assertStringIncludes(svg, `>${text}<`);
    // one line, and with what was logged behind it two
    const lines = (picture: string) =>
      picture.match(/<path aria-label="step: 1;[^>]*aria-roledescription="line mark"/g)?.length;
    assertEquals(lines(svg), 1);
    const behind = await (await fetch(
      `${board.address}api/curves.svg?run=0:a&name=loss&smooth=0.5&logged=1&log=1`,
    )).text();
    assertEquals(lines(behind), 2);
    assertStringIncludes(behind, ">0.3<");
    assertEquals((await fetch(`${board.address}api/curves.svg?run=0:a&name=gone`)).status, 404);

    Deno.writeTextFileSync(log, trainerLogLine(1, { loss: 7 }));
    await toldOf("step 1 again", ({ step }) => step === 1);
    assertEquals((await curves("name=loss")).lines, [[7]]);
    Deno.writeTextFileSync(join(run, "all_results.json"), "{}");
    await toldOf("the end", ({ state }) => state === "finished");
  } finally {
    events.close();
  }
});

Deno.test("items are filtered, searched, compared and marked; the judge card counts the marks", async () => {
  const folder = temporaryFolder();
  // the second evaluation loses the first five items and wins one
  await makeEvaluation(join(folder, "a"), (text) => text);
  await makeEvaluation(join(folder, "b"), (text, i) => i < 5 ? "No." : i === 11 ? "A title" : text);
  // what is no whole file of results hides no other run
  await Deno.mkdir(join(folder, "c"));
  for (const name of ["run.yaml", "items.jsonl"]) {
    await Deno.copyFile(join(folder, "a/run", name), join(folder, "c", name));
  }
  await Deno.writeTextFile(join(folder, "c/results.json"), '{"model": "ti');
  await using board = await begin([folder], { control: true });
  const ask = async (path: string, query: Record<string, string | number>) => {
    const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    return await until(`${path} that is read`, async () => {
      const reply = await fetch(`${board.address}api/${path}?${text}`);
      const body = await reply.json();
      return body.reading === undefined && (reply.ok ? body : reply.status);
    });
  };
  const { evaluations } = await ask("runs", {}).then(async () => {
    const stream = await fetch(`${board.address}api/events`);
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n\n")) text += (await reader.read()).value;
    await reader.cancel();
    return JSON.parse(/data: (.*)/.exec(text)![1]!);
  });
  assertEquals(
    evaluations.map(({ id, result }: { id: string; result: { items: number } | null }) => [id, result?.items])
      .sort(),
    [["0:a/run", 22], ["0:b/run", 22], ["0:c", undefined]],
  );
  const run = "0:a/run", passing = HOSTILE_TEXTS.filter((text) => text.includes("title")).length;
  const all = await ask("items", { run });
  assertEquals([all.total, all.rows.length, all.rows[3].id], [
    HOSTILE_TEXTS.length,
    HOSTILE_TEXTS.length,
    "item 3",
  ]);
  assertEquals((await ask("items", { run, status: "pass" })).total, passing);
  assertEquals((await ask("items", { run, status: "fail" })).total, HOSTILE_TEXTS.length - passing);
  assertEquals(
    (await ask("items", { run, search: "SVG ONLOAD" })).rows.map((row: { id: string }) => row.id),
    ["item 3"],
  );
  assertEquals((await ask("items", { run, search: "item 7" })).total, 1);
  assertEquals((await ask("items", { run, search: "' OR 1=1 --" })).total, 0);
  assertEquals((await ask("items", { run, from: 20 })).rows.length, HOSTILE_TEXTS.length - 20);
  assertEquals(await ask("items", { run, from: -1 }), 400);
  const { item, row } = await ask("item", { run, id: "item 2" });
  assertEquals([item.response, item.constraints[0].text, row.status], [
    HOSTILE_TEXTS[2],
    HOSTILE_TEXTS[2],
    "pass",
  ]);
  assertEquals(await ask("item", { run, id: "gone" }), 404);

  const pairs = await ask("pairs", { a: run, b: "0:b/run" });
  assertEquals(pairs.total, HOSTILE_TEXTS.length);
  const flips = pairs.rows.slice(0, 6).map((
    pair: { id: string; second: { value: number } },
  ) => [pair.id, pair.second.value]);
  assertEquals(flips, [...[0, 1, 2, 3, 4].map((i) => [`item ${i}`, 0]), ["item 11", 1]]);
  assertEquals((await ask("pairs", { a: run, b: "0:b/run", which: "better" })).total, 1);
  const scores = await ask("pair_scores", { a: run, b: "0:b/run" });
  assertEquals([scores.shared, scores.scores[0].mcnemar.onlyFirst, scores.scores[0].mcnemar.onlySecond], [
    22,
    5,
    1,
  ]);

  const { origin } = new URL(board.address);
  const mark = async (body: Record<string, unknown>, headers: Record<string, string> = { origin }) => {
    const reply = await fetch(`${board.address}api/label`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    await reply.body?.cancel();
    return reply.status;
  };
  for (
    const [id, label] of [["item 0", "right"], ["item 1", "wrong"], ["item 2", "wrong"], ["item 2", "none"]]
  ) {
    assertEquals(await mark({ run, id, constraint: 0, label }), 200);
  }
  assertEquals(await mark({ run, id: "item 0", constraint: 1, label: "right" }), 404);
  assertEquals(await mark({ run, id: "item 0", constraint: 0, label: "maybe" }), 400);
  assertEquals(await mark({ run, id: "item 0", constraint: 0, label: "right" }, {}), 403);
  assertEquals((await ask("item", { run, id: "item 1" })).labels[0].label, "wrong");
  const labels = new Labels(join(folder, "a/run"));
  assertEquals(
    [labels.size, labels.of("item 0", HOSTILE_TEXTS[0]!).length, labels.of("item 0", "another").length],
    [2, 1, 0],
  );
  // marks go into no other folder
  const elsewhere = join(folder, "elsewhere.jsonl");
  await Deno.symlink(elsewhere, join(folder, "b/run/labels.jsonl"));
  for (const text of ["", "0"]) {
    if (text !== "") await Deno.writeTextFile(elsewhere, "");
    assertEquals(await mark({ run: "0:b/run", id: "item 6", constraint: 0, label: "right" }), 404);
  }
  assertEquals(await Deno.readTextFile(elsewhere), "");
  // two verdicts "met": one right, one wrong
  const { agreement } = await ask("card", { run });
  assertEquals([agreement.constraints, agreement.accuracy, agreement.tooKind], [2, 0.5, 0.5]);
});

Deno.test("a board without control changes nothing, and what it would start is refused", async () => {
  const folder = temporaryFolder();
  makeRun(join(folder, "a"), 3);
  makeRun(join(folder, "b"), 4);
  await using board = await begin([folder]);
  const { origin } = new URL(board.address);
  for (const path of ["label", "control/dry_run", "control/start", "control/stop", "control/talk"]) {
    const headers = { "content-type": "application/json", origin };
    const reply = await fetch(`${board.address}api/${path}`, { method: "POST", headers, body: "{}" });
    assertEquals([path, reply.status], [path, 403]);
    assertStringIncludes((await reply.json()).error, "--control");
  }
  const config = await (await fetch(`${board.address}api/config?run=0:a&run=0:b`)).json();
  assertEquals(
    config.rows.filter(({ different }: { different: boolean }) => different).map(({ key }: { key: string }) =>
      key
    ),
    [
      "output_dir",
      "learning_rate",
    ],
  );
  const details = await (await fetch(`${board.address}api/run?run=0:a`)).json();
  assertEquals([details.config.learning_rate, details.card, details.checkpoints], [3, null, []]);
});

Deno.test("a run's data token by token: what is learnt, what is only read, what was cut off", async () => {
  const folder = temporaryFolder();
  const many = Array.from({ length: 60 }, (_, i) => `line ${i}`).join(" ");
  const rows = [
    { instruction: "Write about the river.", output: "Now the river has a kite." },
    { instruction: "Count.", output: many },
  ];
  await Deno.writeTextFile(join(folder, "rows.json"), JSON.stringify(rows));
  await Deno.writeTextFile(
    join(folder, "dataset_info.json"),
    JSON.stringify({ d: { file_name: "rows.json" } }),
  );
  makeRun(join(folder, "a"), 1);
  const config = {
    model_name_or_path: new URL("../../fixtures/constraints/model", import.meta.url).pathname,
    stage: "sft",
    do_train: true,
    dataset: "d",
    dataset_dir: folder,
    template: "chatml",
    cutoff_len: 64,
    output_dir: join(folder, "a"),
  };
  await Deno.writeTextFile(join(folder, "a/run.yaml"), JSON.stringify(config));
  await using board = await begin([folder]);
  const reply = await fetch(`${board.address}api/tokens?run=0:a`);
  const { data, examples, error } = await reply.json();
  assertEquals([reply.status, error], [200, undefined]);
  assertStringIncludes(data, "2 ");
  type Token = [text: string, use: number];
  const tokensOf = (row: number): Token[] =>
    examples.find((one: { row: number }) => one.row === row).sequences[0].tokens;
  const text = (tokens: Token[], ...uses: number[]) =>
    tokens.filter(([, use]) => uses.includes(use)).map(([text]) => text).join("");
  const prompt = (question: string) => `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
  const first = tokensOf(0), second = tokensOf(1);
  assertEquals([text(first, 0), text(first, 1), text(first, -1)], [
    prompt("Write about the river."),
    "Now the river has a kite.<|im_end|>\n",
    "",
  ]);
  // the prompt is short, so the answer alone loses its end
  assertEquals(text(second, 0), prompt("Count."));
  assertEquals(text(second, 1, -1), `${many}<|im_end|>\n`);
  assertEquals(second.filter(([, use]) => use !== -1).length, config.cutoff_len);
  assertEquals(second.findIndex(([, use]) => use === -1), config.cutoff_len);
});

Deno.test("a training starts only within the given folders and with values that passed a dry run", async () => {
  const folder = temporaryFolder();
  await using board = await begin([folder], { control: true });
  const { origin } = new URL(board.address);
  const post = async (path: string, file: Record<string, unknown>) => {
    const headers = { "content-type": "application/json", origin };
    const body = JSON.stringify({ file });
    const reply = await fetch(`${board.address}api/control/${path}`, { method: "POST", headers, body });
    return [reply.status, (await reply.json()).error] as const;
  };
  const [outside, message] = await post("dry_run", { output_dir: join(folder, "../other") });
  assertEquals(outside, 400);
  assertStringIncludes(message, "must lie in a folder of this board");
  await Deno.symlink("/", join(folder, "root"));
  assertEquals((await post("start", { output_dir: join(folder, "root/tmp/x") }))[0], 400);
  // a link to what isn't there yet, and other ways of writing a path
  await Deno.symlink(join(folder, "../not-there"), join(folder, "later"));
  for (const output of ["later", "later/x", "x/../../y", "./../z", "root/../../y"]) {
    assertEquals((await post("start", { output_dir: `${folder}/${output}` }))[0], 400, output);
  }
  assertEquals((await post("start", { output_dir: join(folder, "x") }))[0], 409);
  const { schema, groups } = await (await fetch(`${board.address}api/control/form`)).json();
  const keys = groups.flatMap((group: { keys: string[] }) => group.keys);
  const known = Object.keys(schema.properties).filter((key) => key !== "provenance");
  assertEquals([...keys].sort(), known.sort());
});
