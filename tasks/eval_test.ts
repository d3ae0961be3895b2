import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";

import project from "../deno.json" with { type: "json" };
import { PROJECT_FOLDER, runDeno, startDeno } from "../tests/helpers/deno_process.ts";
import { mockServer } from "./bench/eval/mock_server.ts";
import { rowsConfig, rowsText, runConfig } from "../tests/helpers/evaluation_run.ts";
import { killedWith } from "../tests/helpers/killed.ts";
import { taskHere } from "../tests/helpers/task_here.ts";
import { until, within } from "../tests/helpers/until.ts";
import { taskArguments } from "./dinotune.ts";
import { evalTask } from "./eval.ts";
import { evalHere, inNewFolder, ROOT, yamlFile } from "./_eval_runs.ts";

Deno.test("deno task eval: the released files, one key of the environment, another model and directory on the command line", async () => {
  await inNewFolder(async (folder) => {
    await using server = mockServer();
    const { code, out } = await evalHere([
      "examples/eval/config/evaluator-trace-gpt-gpt.yaml",
      `out_dir=${join(folder, "out")}`,
      `model.args.api_base=${server.base}`,
      `cache=${join(folder, "cache.sqlite")}`,
      "max_samples=12",
    ], { OPENAI_API_KEY: "sk-of-the-judge", OPENAI_API_BASE: server.base });
    assertEquals(code, 0, out);
    assertStringIncludes(out, "qwen2_7b_trace_iopo on trace 3, judged by gpt-4o");
    // the served model was asked without a key, the judge with it
    const keys = new Map(server.log.map(({ body, authorization }) => [body.model, authorization]));
    assertEquals(keys.get("gpt-4o"), "Bearer sk-of-the-judge");
    assert(!keys.get("qwen2_7b_trace_iopo")!.includes("sk-of"));
    const asked = server.log.find(({ body }) => body.model === "qwen2_7b_trace_iopo")!.body;
    assertEquals([asked["temperature"], asked["top_p"], asked["max_tokens"]], [0.1, 1, 2048]);
    const judge = server.log.find(({ body }) => body.model === "gpt-4o")!.body;
    assertEquals([judge["temperature"], judge["top_p"]], [0, 0.8]);
    assert(!out.includes("sk-of-the-judge"));
  });
});

Deno.test("deno task eval tells what is wrong in one line and exits with 1", async () => {
  const trace = "examples/eval/config/evaluator-trace-gpt-gpt.yaml";
  const check = ({ code, out }: { code: number; out: string }, message: string) => {
    assertEquals(code, 1, out);
    assertStringIncludes(out, message);
    assert(!out.includes("    at "), out);
  };
  // what the environment decides takes a process: tests that run at the same time share this one's
  check(await evalHere([trace, "--dry-run"]), "OPENAI_API_BASE");
  check(
    await evalHere([trace], { OPENAI_API_BASE: "http://localhost:9/v1" }),
    "the environment variable OPENAI_API_KEY isn't set",
  );
  const faults: [args: string[], message: string][] = [
    [[join(ROOT, trace), "concurency=3"], 'did you mean "concurrency"'],
    [["nowhere.yaml"], "there is no such file"],
    [
      [join(ROOT, "examples/eval/config/evaluator-rows-panel.yaml"), "--dry-run", "judge={type: rules}"],
      "Cannot read rows.jsonl as benchmark rows",
    ],
    [["--stage", "juge"], 'did you mean "judge"'],
    [["compare", "a"], "two run directories"],
    [["compare", "a", "b"], "Cannot read a as the directory of an evaluation: there is no such folder"],
    [["compare", join(ROOT, trace), "b"], `it is a file; name its folder, ${dirname(join(ROOT, trace))}`],
    [["compare", ROOT, "b"], "it has no run.yaml"],
    [
      ["card", "a", "scale=0"],
      "a scale above 0 are needed: current value is a, scale 0; write deno task eval card RUN",
    ],
    [["card"], "current value is no directory, scale 1"],
    [
      [join(ROOT, trace), "cache=5"],
      "must be auto, true, false, a path, or {path, max_age: 7d}: current value is 5",
    ],
    [["--compare", "a", "b"], "note: --compare is now written: deno task eval compare"],
    [["--frobnicate"], "unknown flag"],
  ];
  for (const [args, message] of faults) check(await taskHere(() => evalTask(args)), message);
});

Deno.test("deno task eval without a file judges the bundled model by rules, offline", async () => {
  await inNewFolder(async (folder) => {
    const { code, out } = await taskHere(() =>
      evalTask([`out_dir=${join(folder, "out")}`, "max_samples=3", "cache=false"])
    );
    assertEquals(code, 0, out);
    assertStringIncludes(out, "on constraints 2, judged by rules");
    const results = JSON.parse(await Deno.readTextFile(join(folder, "out", "results.json")));
    assertEquals([results.complete, results.counts.judged, results.counts.unscored], [true, 3, 0]);
  });
});

Deno.test("deno task eval: a run in which nothing has a score says so and fails", async () => {
  await inNewFolder(async (folder) => {
    await using server = mockServer({
      respond: () =>
        Response.json({ error: { message: "This model's maximum context length is 10 tokens" } }, {
          status: 400,
        }),
    });
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(3));
    await Deno.writeTextFile(join(folder, "none.jsonl"), '{"id": "row-0", "scores": [1]}\n');
    const yaml = await yamlFile(
      folder,
      `{type: openai, args: {name: m, api_base: "${server.base}", key: none}}`,
    );
    const { code, out } = await taskHere(() => evalTask([yaml, `out_dir=${join(folder, "out")}`]));
    assertEquals(code, 2, out);
    assertStringIncludes(
      out,
      "No score: none of the 3 items has one (3 prompts were longer than the model's",
    );
  });
});

Deno.test("deno task eval: faults of plugins are reported with their place in the file", async () => {
  await inNewFolder(async (folder) => {
    const recorded = "{type: recorded, args: {path: none.jsonl}}";
    const dryRun = (yaml: string, ...more: string[]) =>
      taskHere(() => evalTask([yaml, "--dry-run", ...more]));
    const missing = await dryRun(await yamlFile(folder, recorded));
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.out, "eval.yaml:4:27: Cannot read ");
    assertStringIncludes(missing.out, "none.jsonl as recorded answers: there is no such file");
    await Deno.writeTextFile(join(folder, "none.jsonl"), '{"id": "row-0", "response": "yes"}\n');
    const option = await dryRun(await yamlFile(folder, recorded, ""));
    assertStringIncludes(option.out, "Cannot run benchmark rows as it has no data of its own");
    const judge = await dryRun(await yamlFile(folder, recorded), "judge={type: rulse}");
    assertStringIncludes(judge.out, 'the argument judge={type: rulse}: Cannot find the judge "rulse"');
  });
});

Deno.test("deno task eval card: a signal stops the asking, and the exit code is the signal's", async () => {
  await inNewFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(12));
    const held = Promise.withResolvers<undefined>();
    let again = false;
    await using server = mockServer({ respond: () => again ? held.promise : undefined });
    const config = rowsConfig(folder, server.base, ["concurrency=1"]);
    await runConfig(config);
    again = true;
    const before = server.log.length;
    const words = ["run", "-A", "--no-check", "tasks/eval.ts", "card", config.out_dir, "reorder=5"];
    const child = startDeno(words);
    await using _ended = killedWith(child);
    let said = "";
    const saying = (async () => {
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) said += part;
    })();
    await until("a request of the judge card", () => server.log.length > before, { said: () => said });
    child.kill("SIGTERM");
    await until("the signal's being heard", () => said.includes("Stopping"), { said: () => said });
    // what is under way is finished first
    held.resolve(undefined);
    await within("the end of what it says", saying);
    assertEquals([(await child.status).code, await child.stdout.text()], [143, ""], said);
    assertStringIncludes(said, "Stopped before grader was asked again about all answers: there is no card");
    assert(server.log.length < before + 5, said);
  });
});

Deno.test("without a file, what trains the adapter is named shortly, as it was started", async () => {
  await inNewFolder(async (folder) => {
    const words = taskArguments(project.tasks.eval.command, PROJECT_FOLDER);
    const { code, stdout, stderr } = await runDeno([...words, "max_samples=1", "out_dir=out"], {
      cwd: folder,
      env: { DINOTUNE_COMMAND: "" },
    });
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stdout,
      "\nAfter `deno task train`, this also evaluates the adapter in saves/default_iopo and",
    );
  });
});
