import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { killedWith } from "../../tests/helpers/killed.ts";
import { repetitions } from "../../tests/helpers/repetitions.ts";
import { within } from "../../tests/helpers/until.ts";
import { mockServer } from "../bench/eval/mock_server.ts";
import { dryRun } from "../train.ts";
import { scriptedConfig, scriptedText, seedsText } from "./_scripted.ts";
import { synthesize } from "./run.ts";
import type { AskLine, EndLine } from "./step_asker.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/smollm2_lora_iopo.yaml", import.meta.url));

async function linesOf<T>(path: string): Promise<T[]> {
  return (await Deno.readTextFile(path)).trimEnd().split("\n").map((line) => JSON.parse(line) as T);
}

Deno.test("a scripted generator and judge make SFT, DPO and IOPO rows; the funnel adds up, wishes are met", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(300));
    const script = { incomplete: 0.1, flawed: 0.2, short: 0.1, unsound: 0.1 };
    await using server = mockServer({ text: (request) => scriptedText(request, script) });
    const config = scriptedConfig(folder, server.base, { rows: 50, concurrency: 8, attempts: 20 });
    const { results } = await synthesize(config, builtinRegistry());

    const { funnel } = results;
    assertEquals([results.complete, results.rows], [true, { wanted: 50, made: 50 }]);
    assertEquals([funnel.kept, funnel.open], [50, 0]);
    let left = funnel.begun;
    for (const { entered, dropped, reasons } of funnel.steps) {
      assertEquals(entered, left);
      assertEquals(dropped, reasons.reduce((sum, { count }) => sum + count, 0));
      left -= dropped;
    }
    assertEquals(left, funnel.kept);
    const droppedAt = funnel.steps.filter(({ dropped }) => dropped > 0).map(({ step }) => step);
    assertEquals(droppedAt, ["structure", "completeness", "evaluation", "group"]);
    const ends = (await linesOf<EndLine>(join(folder, "run", "items.jsonl"))).filter(({ stage }) =>
      stage === "end"
    );
    assertEquals([ends.length, ends.filter(({ kept }) => kept).length], [funnel.begun, 50]);

    for (const { name, wanted, got } of [...results.counts, ...results.types]) {
      assert(Math.abs(wanted - (got ?? 0)) <= 0.02, `${name}: wanted ${wanted}, got ${got}`);
    }
    // every answer came from the server, and costs what its tokens cost
    const asks = (await linesOf<AskLine>(join(folder, "run", "items.jsonl"))).filter(({ stage }) =>
      stage === "ask"
    );
    assertEquals(asks.length, server.log.length);
    const cost = asks.reduce(
      (sum, { completion: c }) => sum + (c.promptTokens + 2 * c.completionTokens) / 1e6,
      0,
    );
    assert(Math.abs((results.cost_per_row ?? 0) - cost / 50) < 1e-12);

    const dataset = join(folder, "run", "dataset");
    const counts: [string, number | undefined][] = [];
    for (const stage of ["sft", "dpo", "iopo"]) {
      const { estimate } = await dryRun(EXAMPLE, [
        `stage=${stage}`,
        `dataset_dir=${dataset}`,
        `dataset=synth_${stage}`,
        `model_name_or_path=${
          fileURLToPath(new URL("../../fixtures/goldens/llamafactory/model", import.meta.url))
        }`,
        "template=qwen",
        "num_train_epochs=1",
        "per_device_train_batch_size=1",
        "gradient_accumulation_steps=1",
        "val_size=0",
        "eval_strategy=no",
        "pref_loss=sigmoid",
      ], () => {});
      counts.push([stage, estimate?.steps]);
    }
    assertEquals(counts, [["sft", 50], ["dpo", 50], ["iopo", 50]]);
    const card = await Deno.readTextFile(join(dataset, "README.md"));
    for (
      const text of ["generator: writer", "judge: judge", "expand: `", "eval.jsonl.gz (1042 rows)"]
    ) {
      assertStringIncludes(card, text);
    }
    for (const row of await linesOf<Record<string, string>>(join(dataset, "records.jsonl"))) {
      assert(row.x1 !== row.x2 && row.y1 !== row.y2 && row.worse?.includes("careless"), JSON.stringify(row));
    }
  });
});

/** Kills of a run. */
const KILLS = repetitions(10, 2);
Deno.test("a run that is killed again and again asks for nothing twice that was answered, and ends as if it never was", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(60));
    let onRequest = (): Promise<void> | void => {};
    await using server = mockServer({
      respond: async () => {
        await onRequest();
        return undefined;
      },
      text: (request) => scriptedText(request, { flawed: 0.2 }),
    });
    const configOf = (out: string) =>
      scriptedConfig(folder, server.base, { rows: 12, concurrency: 1, out_dir: join(folder, out) });
    await Deno.writeTextFile(join(folder, "killed.json"), JSON.stringify(configOf("killed")));
    const script = fileURLToPath(new URL("./_synth_process.ts", import.meta.url));
    const start = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", script, join(folder, "killed.json")],
        stdout: "null",
        stderr: "piped",
      });
    const answered = new Set<string>();
    const noteAnswered = async () => {
      for (const line of await linesOf<AskLine>(join(folder, "killed", "items.jsonl"))) {
        if (line.stage === "ask") answered.add(line.id);
      }
    };
    const asked: string[][] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = start().spawn();
      await using _end = killedWith(child);
      const after = 3 + kill % 4;
      let seen = 0;
      const gone = new Promise<void>((resolve) => {
        // killed while it waits for this answer: the earlier ones are in its file, this one never is
        onRequest = () => {
          if (++seen < after) return;
          child.kill("SIGKILL");
          resolve();
          return child.status.then(() => {});
        };
      });
      await within(`request ${after} of run ${kill}`, Promise.race([gone, child.status]));
      assertEquals((await child.status).signal, "SIGKILL", `kill ${kill} came too late`);
      await child.stderr.cancel();
      await noteAnswered();
      asked.push([...answered]);
    }
    onRequest = () => {};
    assertEquals((await synthesize(configOf("killed"), builtinRegistry())).results.complete, true);
    await noteAnswered();
    const killed = await Deno.readTextFile(join(folder, "killed", "dataset", "records.jsonl"));
    const requests = server.log.length;
    const lines = (await linesOf<AskLine>(join(folder, "killed", "items.jsonl"))).filter(({ stage }) =>
      stage === "ask"
    );
    assertEquals(lines.length, answered.size, "an answer is in the file twice");
    // what was sent more often than it was answered was under way at a kill: one to each of two models at most each time
    assert(requests - lines.length <= 2 * KILLS, `${requests} requests, ${lines.length} answers`);
    assert(new Set(asked.map((list) => list.length)).size > KILLS / 2, "the kills were spread over the run");

    assertEquals((await synthesize(configOf("whole"), builtinRegistry())).results.complete, true);
    assertEquals(await Deno.readTextFile(join(folder, "whole", "dataset", "records.jsonl")), killed);
    assertEquals(server.log.length - requests, lines.length);
  });
});

Deno.test("recorded answers make the rows of the run that they are from, and nobody is asked", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(60));
    await using server = mockServer({
      text: (request) => scriptedText(request, { flawed: 0.2, short: 0.1 }),
    });
    const config = scriptedConfig(folder, server.base, { rows: 10, concurrency: 4 });
    const { results } = await synthesize(config, builtinRegistry());
    const asks = (await linesOf<AskLine>(join(folder, "run", "items.jsonl"))).filter(({ stage }) =>
      stage === "ask"
    );
    const recorded = join(folder, "answers.jsonl");
    const rows = asks.map(({ id, completion }) => JSON.stringify({ id, response: completion.text }) + "\n");
    await Deno.writeTextFile(recorded, rows.join(""));
    const requests = server.log.length;
    const model = { type: "recorded", args: { path: recorded } };
    const again = scriptedConfig(folder, server.base, {
      ...{ rows: 10, generator: model, judge: model, out_dir: join(folder, "again") },
    });
    const second = await synthesize(again, builtinRegistry());
    assertEquals([second.results.complete, server.log.length], [true, requests]);
    assertEquals(second.results.funnel, results.funnel);
    const records = (run: string) => Deno.readTextFile(join(folder, run, "dataset", "records.jsonl"));
    assertEquals(await records("again"), await records("run"));
    // an answer that isn't in the file leaves its draft open, and says which one
    await Deno.writeTextFile(recorded, rows.slice(0, -8).join(""));
    const short = await synthesize({ ...again, out_dir: join(folder, "short") }, builtinRegistry());
    assert(!short.results.complete && short.results.funnel.open > 0);
    assertStringIncludes(short.results.failures[0]?.example ?? "", "answers.jsonl");
  });
});

Deno.test("a run of other keys isn't continued, and a budget stops it where it can go on", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(40));
    await using server = mockServer({ text: (request) => scriptedText(request) });
    const config = scriptedConfig(folder, server.base, { rows: 4, concurrency: 1, budget: { requests: 9 } });
    const first = await synthesize(config, builtinRegistry());
    assertEquals([first.stopped?.why, server.log.length, first.results.complete], ["budget", 9, false]);
    await assertRejects(
      () => synthesize(scriptedConfig(folder, server.base, { rows: 5 }), builtinRegistry()),
      RangeError,
      "needs the same rows (4): current value is 5; ",
    );
    // seeds are compared by what is in their file, and by the column that is read of it
    const column = { path: join(folder, "seeds.jsonl"), column: "instruction" };
    await assertRejects(
      () => synthesize({ ...config, seeds: column }, builtinRegistry()),
      RangeError,
      "needs the same seeds",
    );
    const second = await synthesize({ ...config, budget: {} }, builtinRegistry());
    assertEquals([second.stopped, second.results.complete], [null, true]);
    const requests = server.log.length;
    const third = await synthesize(config, builtinRegistry());
    assertEquals([third.results.complete, server.log.length], [true, requests]);
  });
});

Deno.test("constraints of the bank are checked by rules and not by the judge; two judges' agreement is told", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(60));
    await using server = mockServer({ text: (request) => scriptedText(request, { flawed: 0.2 }) });
    const judge = (name: string) => ({ type: "openai", args: { name, api_base: server.base, key: "none" } });
    const config = scriptedConfig(folder, server.base, {
      rows: 8,
      counts: { 2: 1 },
      types: { Content: 1, Style: 1 },
      rules: ["keywords:existence"],
      rules_share: 1,
      judge: [judge("one"), judge("two")],
      views: ["sft"],
    });
    const { results } = await synthesize(config, builtinRegistry());
    assertEquals(results.complete, true);
    const records = await linesOf<{ constraints: { text: string; type: string; rule?: { id: string } }[] }>(
      join(folder, "run", "dataset", "records.jsonl"),
    );
    const constraints = records.flatMap(({ constraints }) => constraints);
    const ruled = constraints.filter(({ rule }) => rule?.id === "keywords:existence");
    assert(ruled.length > 0 && ruled.length < constraints.length);
    assertEquals(results.by_rules, ruled.length / constraints.length);
    for (const { body } of server.log) {
      const prompt = body.messages.at(-1)?.content ?? "";
      if (!prompt.startsWith("You are an impartial assessor")) continue;
      const [, listed = ""] = /Now assess[\s\S]*< constraints >:\n([\s\S]*?)\n< response >/.exec(prompt) ??
        [];
      assert(listed !== "" && !/word/.test(listed), listed);
    }
    const [, complete, , scores] = results.agreement;
    assertEquals([complete?.units, complete?.same], [complete?.same, complete?.units]);
    assert((scores?.units ?? 0) > 0);
  });
});
