import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { inFolder, rowsConfig, rowsText, runConfig } from "../../../tests/helpers/evaluation_run.ts";
import rows from "../../../plugins/benchmarks/rows/rows.ts";
import { builtinPlugins } from "../../../plugins/builtins.ts";
import type { Endpoint } from "../../../plugins/kinds/endpoint.ts";
import { Registry } from "../../../plugins/registry.ts";
import { mockServer } from "../../bench/eval/mock_server.ts";
import { asksJudge } from "../../../tests/helpers/mocked_judge.ts";
import { ItemStore } from "../store/item_store.ts";
import { refuseOtherRun } from "./provenance.ts";
import { evaluate, type EvaluateOptions } from "../run.ts";

const A = "a".repeat(40), B = "b".repeat(40);

Deno.test("a folder says which commit of the hub answered, or that an earlier version didn't note it, and what continues it", async () => {
  await inFolder((folder) => {
    const before = {
      dinotune: "1",
      benchmark: "rows 1",
      model: "name",
      endpoint: "endpoint/local 1",
      answers: "old",
      judged_by: "rules",
      judge: "",
    };
    const endpoint = { revision: { name: "owner/name@v2", commit: B } } as Endpoint;
    const model = { endpoint, plugin: before.endpoint, key: "new", earlierKey: "old" };
    const now = { ...before, answers: "new", revision: B };
    using store = new ItemStore(folder);
    const refused = (earlier: typeof before & { revision?: string }, later = now) =>
      assertThrows(() => refuseOtherRun(earlier, later, store, { out_dir: folder, model }), RangeError)
        .message;
    refuseOtherRun(before, now, store, { out_dir: folder, model });
    const completion = { outcome: "stop" as const, text: "x", promptTokens: 1, completionTokens: 1 };
    store.append({ stage: "generate", id: "1", key: "0", completion, ms: 1, cached: false });

    const holds = `Cannot continue in ${folder} as it holds 1 answer of a run of `;
    const ways = "choose another out_dir, remove this one, or set overwrite=true";
    assertEquals(
      refused({ ...before, answers: "older", revision: A }),
      `${holds}the model name at commit ${A} (now ${B}): model.args.model=owner/name@${A} model.args.name=name continues ` +
        `them; else ${ways}`,
    );
    assertEquals(
      refused(before),
      `${holds}an earlier version, which didn't note the commit of owner/name@v2, so they may be of other weights ` +
        `(now ${B}): ${ways}; --rescore shows what is there`,
    );
    // other sampling is no matter of commits
    const sampling =
      `${holds}the model name with other weights, tokenizer, chat template, address, sampling or version: ${ways}`;
    assertEquals(refused({ ...before, answers: "another" }), sampling);
    assertEquals(refused({ ...before, answers: "another", revision: B }), sampling);
    refuseOtherRun({ ...before, answers: "new", revision: B }, now, store, { out_dir: folder, model });
    return Promise.resolve();
  });
});

Deno.test("another version of a benchmark keeps the answers and gives verdicts again; a start that judges none shows those there are", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await using server = mockServer();
    const config = rowsConfig(folder, server.base, ["cache=false"]);
    const older = new Registry(
      builtinPlugins().map((plugin) =>
        plugin.kind === "benchmark" && plugin.name === rows.name ? { ...plugin, version: "0" } : plugin
      ),
    );
    const said: string[] = [];
    const start = async (options: EvaluateOptions, registry?: Registry) => {
      const before = server.log.length;
      said.length = 0;
      const own = { ...options, say: (line: string) => said.push(line) };
      const { results } = await (registry ? evaluate(config, registry, own) : runConfig(config, own));
      const judged = server.log.slice(before).filter(({ body }) => asksJudge(body)).length;
      return {
        benchmark: results?.benchmark,
        answers: server.log.length - before - judged,
        verdicts: judged,
        notes: said.filter((line) => line.includes("verdict")),
      };
    };
    const now = `rows ${rows.version}`;
    assertEquals(await start({}, older), { benchmark: "rows 0", answers: 3, verdicts: 3, notes: [] });
    assertEquals(await start({ stage: "report" }), {
      benchmark: "rows 0",
      answers: 0,
      verdicts: 0,
      notes: [
        `note: 3 verdicts are of rows 0, which judges otherwise than ${now}: they are shown as they are; a start without --rescore or ` +
        "--stage gives all again",
      ],
    });
    assertEquals(await start({}), {
      benchmark: now,
      answers: 0,
      verdicts: 3,
      notes: [
        `note: 3 verdicts are of rows 0, which judges otherwise than ${now}: all are given again; --rescore shows them as they are`,
      ],
    });
    assertEquals(await start({}), { benchmark: now, answers: 0, verdicts: 0, notes: [] });
  });
});
