import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { builtinRegistry } from "../../plugins/builtins.ts";
import { inFolder } from "../../tests/helpers/evaluation_run.ts";
import { mockServer } from "../bench/eval/mock_server.ts";
import { scriptedConfig, scriptedText, seedsText } from "./_scripted.ts";
import { synthesize, type SynthesizeOptions } from "./run.ts";

const errorResponse = (status: number, message: string) => Response.json({ error: { message } }, { status });

/** Every file of a run and its text. */
function contentsOf(folder: string): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (!isDirectory) contents.set(path, Deno.readTextFileSync(path));
    else for (const entry of contentsOf(path)) contents.set(...entry);
  }
  return contents;
}

Deno.test("overwrite takes nothing of a finished synthesis away before the first new answer", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(40));
    let reply: () => Response | undefined = () => undefined;
    await using server = mockServer({
      respond: () => reply(),
      text: (request) => scriptedText(request),
    });
    const config = (more: Record<string, unknown> = {}, base = server.base) =>
      scriptedConfig(folder, base, { rows: 4, concurrency: 1, max_retries: 0, ...more });
    const said: string[] = [];
    const run = (own: ReturnType<typeof config>, options: SynthesizeOptions = {}) =>
      synthesize(own, builtinRegistry(), { say: (line) => said.push(line), ...options });
    assertEquals((await run(config())).results.complete, true);
    const { out_dir } = config();
    const before = contentsOf(out_dir);
    const names = ["items.jsonl", "run.yaml", "report.html", "results.json", "dataset/synth_iopo.jsonl"];
    for (const name of names) assertEquals(before.get(join(out_dir, name)) !== undefined, true, name);
    const answers = before.get(join(out_dir, "items.jsonl"))?.match(/"stage":"ask"/g)?.length;

    // a wrong key, a refused request, another run that nobody answers
    for (const [status, more] of [[401, {}], [400, {}], [404, { rows: 5 }]] as const) {
      reply = () => errorResponse(status, "no");
      const { results, unreported, files } = await run(config({ ...more, overwrite: true }));
      assertEquals(contentsOf(out_dir), before, `${status}`);
      assertEquals([results.rows.made, results.complete, files], [0, false, []], `${status}`);
      assertStringIncludes(
        unreported ?? "",
        `No new answer came: no data set and no report are written; the ${answers} answers of an earlier start stay until the ` +
          "first new one is there",
      );
    }
    assertStringIncludes(said.join("\n"), `${answers} answers of an earlier run are removed from`);
    await run(config({ overwrite: true }, "http://127.0.0.1:1/v1"));
    assertEquals(contentsOf(out_dir), before);
    const interrupted = new AbortController();
    reply = () => {
      interrupted.abort();
      return errorResponse(503, "busy");
    };
    const stopped = await run(config({ overwrite: true }), { signal: interrupted.signal });
    assertEquals([stopped.stopped?.why, contentsOf(out_dir)], ["signal", before]);
    // by rules drafts end as near-duplicates before anything is asked
    reply = () => errorResponse(401, "no");
    const rules = { verify: "rules", rules_share: undefined, duplicates: 0.05 };
    const dropped = await run(config({ ...rules, overwrite: true }));
    assertEquals(dropped.results.funnel.steps.some(({ dropped }) => dropped > 0), true);
    assertEquals(contentsOf(out_dir), before);

    // one new answer, and the others are gone, with the run's description, data set and reports
    let left = 1;
    reply = () => left-- > 0 ? undefined : errorResponse(401, "bad key");
    const one = await run(config({ ...rules, overwrite: true }));
    assertEquals([one.unreported, one.files.length > 0], [null, true]);
    const lines = Deno.readTextFileSync(join(out_dir, "items.jsonl")).trimEnd().split("\n")
      .map((line) => JSON.parse(line).stage);
    assertEquals(lines.filter((stage) => stage === "ask").length, 1);
    // those that ended before it are in the file too
    assertEquals(
      lines.filter((stage) => stage === "end").length,
      one.results.funnel.begun - one.results.funnel.open,
    );
    assertStringIncludes(Deno.readTextFileSync(join(out_dir, "run.yaml")), "verify: rules");
  });
});

Deno.test("a synthesis that goes on under another name has its data set under that one alone", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(20));
    await using server = mockServer({ text: (request) => scriptedText(request) });
    const said: string[] = [];
    const run = (name: string) =>
      synthesize(scriptedConfig(folder, server.base, { rows: 2, name }), builtinRegistry(), {
        say: (line) => said.push(line),
      });
    const removals = () => said.filter((line) => line.startsWith("Removed"));
    await run("first");
    assertEquals(removals(), []);
    const dataset = join(folder, "run", "dataset"), asked = server.log.length;
    await Deno.writeTextFile(join(dataset, "mine_iopo.jsonl"), "");
    await run("second");
    const names = [...Deno.readDirSync(dataset)].map(({ name }) => name).filter((name) =>
      name.endsWith("jsonl")
    );
    assertEquals(names.sort(), [
      "mine_iopo.jsonl",
      "records.jsonl",
      "second_dpo.jsonl",
      "second_iopo.jsonl",
      "second_sft.jsonl",
    ]);
    assertEquals(server.log.length, asked);
    const views = ["sft", "dpo", "iopo"].map((view) => `dataset/first_${view}.jsonl`).join(", ");
    assertEquals(removals(), [`Removed what the run had under another name or view: ${views}`]);
  });
});

Deno.test("a first start that nobody answers writes no data set and no report, and goes on when somebody does", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(40));
    let status = 401;
    await using server = mockServer({
      respond: () => status === 200 ? undefined : errorResponse(status, "no"),
      text: (request) => scriptedText(request),
    });
    const config = scriptedConfig(folder, server.base, { rows: 4, concurrency: 1, max_retries: 0 });
    for (status of [401, 400]) {
      const { results, files, unreported, begun } = await synthesize(config, builtinRegistry());
      assertEquals([results.rows.made, files, begun], [0, [], true], `${status}`);
      assertStringIncludes(unreported ?? "", "No answer came: no data set and no report are written");
      const names = [...contentsOf(config.out_dir).keys()].map((path) =>
        path.slice(config.out_dir.length + 1)
      );
      assertEquals(names.filter((name) => !["items.jsonl", "run.yaml"].includes(name)), [], `${status}`);
    }
    status = 200;
    const { results, unreported } = await synthesize(config, builtinRegistry());
    assertEquals([results.complete, unreported], [true, null]);
  });
});

Deno.test("overwrite with another name or fewer views leaves none of the earlier data set's files, and those of others", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(40));
    await using server = mockServer({ text: (request) => scriptedText(request) });
    const config = (more: Record<string, unknown>) =>
      scriptedConfig(folder, server.base, { rows: 2, ...more });
    const files = () => [...Deno.readDirSync(join(folder, "run", "dataset"))].map(({ name }) => name).sort();
    await synthesize(config({}), builtinRegistry());
    const views = ["synth_dpo.jsonl", "synth_iopo.jsonl", "synth_sft.jsonl"];
    const always = ["README.md", "dataset_info.json"];
    assertEquals(files(), [...always, "records.jsonl", ...views]);
    await Deno.writeTextFile(join(folder, "run", "dataset", "mine_sft.jsonl"), "");
    await synthesize(config({ overwrite: true, views: ["sft"] }), builtinRegistry());
    assertEquals(files(), [...always, "mine_sft.jsonl", "records.jsonl", "synth_sft.jsonl"]);
    await synthesize(config({ overwrite: true, name: "other", views: ["sft"] }), builtinRegistry());
    assertEquals(files(), [...always, "mine_sft.jsonl", "other_sft.jsonl", "records.jsonl"]);
  });
});

Deno.test("drafts that nobody answers at any start, more of them than stop a run, keep it not from the others", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "seeds.jsonl"), seedsText(60));
    let isDown = false;
    await using server = mockServer({
      respond: ({ body }) => {
        const prompt = body.messages.at(-1)?.content ?? "",
          subject = Number(/subject (\d+)/.exec(prompt)?.[1]);
        const isBad = prompt.startsWith("You make instructions") && subject % 3 !== 0;
        return isDown || isBad ? errorResponse(400, "no") : undefined;
      },
      text: (request) => scriptedText(request),
    });
    const config = (out: string, more: Record<string, unknown> = {}) => {
      const own = { rows: 48, views: ["sft"], concurrency: 1, max_retries: 0, out_dir: join(folder, out) };
      return scriptedConfig(folder, server.base, { ...own, ...more });
    };
    const first = await synthesize(config("run", { budget: { requests: 78 } }), builtinRegistry());
    assertEquals([first.stopped?.why, first.results.rows.made], ["budget", 0]);
    const second = await synthesize(config("run"), builtinRegistry());
    assertEquals([second.stopped, second.results.rows.made > 0, second.results.funnel.open > 20], [
      null,
      true,
      true,
    ]);
    // a server that never answered ends each start as soon
    isDown = true;
    for (const _ of [1, 2, 3]) {
      const before = server.log.length;
      const { stopped } = await synthesize(config("down"), builtinRegistry());
      assertEquals([stopped?.why, server.log.length - before <= 21], ["fatal", true]);
    }
  });
});
