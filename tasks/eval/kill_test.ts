import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { AssertionError } from "node:assert";
import { fileURLToPath } from "node:url";

import { builtinRegistry } from "../../plugins/builtins.ts";
import type { CompletionRequest } from "../../plugins/kinds/endpoint.ts";
import { inFolder, rowsText } from "../../tests/helpers/evaluation_run.ts";
import { killedWith } from "../../tests/helpers/killed.ts";
import { repetitions, variants } from "../../tests/helpers/repetitions.ts";
import { within } from "../../tests/helpers/until.ts";
import { type MockRequest, mockServer } from "../bench/eval/mock_server.ts";
import { requestKey, ResponseCache } from "../ask/response_cache.ts";

const TASK = fileURLToPath(new URL("../eval.ts", import.meta.url));
const FAULTY = fileURLToPath(new URL("../../tests/helpers/faulty_eval.ts", import.meta.url));
const WIDTH = 4;

const registry = builtinRegistry();

/** Key under which the run keeps the answer to a request that the server saw. */
function keyOf({ body }: MockRequest, base: string): string {
  const options = { name: body.model, api_base: base, key: "none" };
  const endpoint = registry.create("endpoint", "openai", options);
  const { messages, temperature, top_p, max_tokens } = body as unknown as CompletionRequest;
  return requestKey(endpoint, { messages, temperature, top_p, max_tokens });
}

/**
 * Kills a run again and again, lets it end, and compares it with one that nobody killed.
 * @param program What is run, with its first arguments; its last one is the configuration
 * @throws {AssertionError} If an answer is lost or asked for twice, or the end is another
 */
async function survivesKills(
  program: readonly string[],
  { kills, rows }: { kills: number; rows: number },
): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(rows));
    let onRequest = () => {};
    await using server = mockServer({
      latencyMs: 15,
      respond: () => (onRequest(), undefined),
      // every constraint gets its score, so that no judge is asked a second time
      text: ({ body }) => {
        const prompt = body.messages.at(-1)!.content;
        const texts = [...prompt.matchAll(/^\d\. constraint \d of \d+;$/gm)].map((m) => m[0]);
        return texts.length === 0
          ? `about ${prompt}`
          : `Fine Grained Score: [${
            JSON.stringify(Object.fromEntries(texts.map((t) => [t, 10])))
          }]\nConstraints Overall Score: [[10]]`;
      },
    });
    const model = (name: string) =>
      `{ type: openai, args: { name: ${name}, api_base: "${server.base}", key: none } }`;
    const out = join(folder, "run");
    await Deno.writeTextFile(
      join(folder, "eval.yaml"),
      `evaluator:
  type: rows
  dataset: { args: { url: rows.jsonl } }
  model: ${model("writer")}
  evaluator_llm: ${model("grader")}
  out_dir: ${JSON.stringify(out)}
  cache: ${JSON.stringify(join(folder, "cache.sqlite"))}
  concurrency: ${WIDTH}
`,
    );
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", ...program, join(folder, "eval.yaml")],
        stdout: "null",
        stderr: "piped",
      });

    const kept = new Set<string>();
    let seed = 12345;
    for (let kill = 0; kill < kills; kill++) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      const after = 1 + seed % 12;
      const before = server.log.length;
      const child = start().spawn();
      await using _end = killedWith(child);
      const reached = new Promise<void>((resolve) => {
        onRequest = () => {
          if (server.log.length - before >= after) resolve();
        };
        child.status.then(() => resolve());
      });
      await within(`request ${after} of run ${kill}`, reached);
      // some kills fall between the answer and the next request
      await new Promise((resolve) => setTimeout(resolve, seed % 23));
      child.kill("SIGKILL");
      await child.stderr.cancel();
      const { signal } = await child.status;
      assertEquals(signal, "SIGKILL", `kill ${kill} came too late: the run was over`);
      for (const request of server.log.slice(before)) {
        assert(!kept.has(keyOf(request, server.base)), "asked again for an answer that was kept");
      }
      using cache = new ResponseCache(join(folder, "cache.sqlite"));
      const states = await Deno.readTextFile(join(out, "items.jsonl"));
      for (const request of server.log) {
        if (cache.get(keyOf(request, server.base))) kept.add(keyOf(request, server.base));
      }
      // every state in the run directory has its answer in the cache
      const stored = states.split("\n").length - 1;
      assert(kept.size >= stored, `${stored} states are stored, and ${kept.size} answers are in the cache`);
    }
    onRequest = () => {};
    const before = server.log.length;
    assert(
      kept.size > kills && before < 2 * rows,
      `the kills were spread over the run: ${before} requests, ${kept.size} kept`,
    );
    const last = await start().output();
    assertEquals(last.code, 0, `exit code of the run that went on: ${new TextDecoder().decode(last.stderr)}`);
    for (const request of server.log.slice(before)) assert(!kept.has(keyOf(request, server.base)));
    // what is asked more than once was under way at a kill, WIDTH requests at most each time
    const distinct = new Set(server.log.map((r) => keyOf(r, server.base))).size;
    assertEquals(distinct, 2 * rows);
    assert(server.log.length - distinct <= kills * WIDTH, `${server.log.length - distinct} asked again`);
    const results = JSON.parse(await Deno.readTextFile(join(out, "results.json")));
    assertEquals([results.complete, results.counts.answered, results.counts.judged], [true, rows, rows]);
    for (const line of (await Deno.readTextFile(join(out, "items.jsonl"))).trimEnd().split("\n")) {
      JSON.parse(line);
    }
    // and it is the run that nobody killed, but for what this start used and the cache had
    const whole = join(folder, "whole");
    await Deno.writeTextFile(
      join(folder, "eval.yaml"),
      (await Deno.readTextFile(join(folder, "eval.yaml")))
        .replace(JSON.stringify(out), JSON.stringify(whole)).replace(/cache: .*/, "cache: false"),
    );
    assertEquals((await start().output()).code, 0);
    const { usage: _usage, cached: _cached, ...unbroken } = JSON.parse(
      await Deno.readTextFile(join(whole, "results.json")),
    );
    for (const [key, value] of Object.entries(unbroken)) assertEquals(results[key], value, key);
    const released = (run: string) => JSON.parse(Deno.readTextFileSync(join(run, "rows_writer.json"))).result;
    assertEquals(released(out), released(whole));
  });
}

Deno.test("a run that is killed again and again loses no answer, asks for none twice, and ends as one that nobody killed", async () => {
  await survivesKills([TASK], { kills: repetitions(10, 2), rows: 60 });
});

/** Faults of tests/helpers/faulty_eval.ts, and what they are found by. */
const FAULTS: [fault: string, found: string][] = [
  ["changes", "headline"],
  ["loses", "states are stored, and"],
  ["skips", "exit code of the run that went on"],
];
for (const [fault, found] of variants(FAULTS, 1)) {
  Deno.test(`a fault that only kills bring out is found: an evaluation that ${fault} something`, async () => {
    const run = () => survivesKills([FAULTY, fault], { kills: 1, rows: 24 });
    await assertRejects(run, AssertionError, found);
  });
}
