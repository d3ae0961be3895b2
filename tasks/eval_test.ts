import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { fileURLToPath } from "node:url";

import { mockServer } from "./bench/mock_server.ts";
import { rowsText } from "../tests/helpers/evaluation_run.ts";
import { unusedPort } from "../tests/helpers/unused_port.ts";
import { taskHere } from "../tests/helpers/task_here.ts";
import { cardOfRun } from "./eval/card_of_run.ts";
import { compareDirectories } from "./eval/compare.ts";
import { comparisonText } from "./eval/report/comparison.ts";
import { judgeCardText } from "./eval/report/judge_card_text.ts";
import { builtinRegistry } from "../plugins/builtins.ts";
import { evalTask, evaluateFile, exitCode } from "./eval.ts";
import { silentProgress } from "./train/outputs/mod.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The task as a person runs it; with the environment's keys taken away. */
async function run(args: string[], env: Record<string, string> = {}): Promise<{ code: number; out: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(ROOT, "tasks/eval.ts"), ...args],
    cwd: ROOT,
    env: { OPENAI_API_KEY: "", OPENAI_API_BASE: "", OPENAI_BASE_URL: "", NO_COLOR: "1", ...env },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout) + text.decode(stderr) };
}

Deno.test("deno task eval: the released files, one key of the environment, another model and directory on the command line", async () => {
  await inFolder(async (folder) => {
    await using server = mockServer();
    const { code, out } = await run([
      "examples/eval/config/evaluator-trace-gpt-gpt.yaml",
      `out_dir=${join(folder, "out")}`,
      `model.args.api_base=${server.base}`,
      `cache=${join(folder, "cache.sqlite")}`,
      "max_samples=12",
    ], { OPENAI_API_KEY: "sk-of-the-judge", OPENAI_API_BASE: server.base });
    assertEquals(code, 0, out);
    assertStringIncludes(out, "qwen2_7b_trace_iopo on trace 2, judged by gpt-4o");
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
  check(await run([trace, "--dry-run"]), "OPENAI_API_BASE");
  check(
    await run([trace], { OPENAI_API_BASE: "http://localhost:9/v1" }),
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

Deno.test("evaluateFile(), compareDirectories() and cardOfRun(): exit codes, flipped items, agreement", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "rows.jsonl"), rowsText(9));
    await Deno.writeTextFile(
      join(folder, "answers.jsonl"),
      Array.from({ length: 9 }, (_, i) => JSON.stringify({ id: `row-${i}`, response: `answer ${i}` })).join(
        "\n",
      ),
    );
    const verdicts = (name: string, of: (i: number, c: number) => number) =>
      Deno.writeTextFile(
        join(folder, name),
        Array.from({ length: 9 }, (_, i) =>
          JSON.stringify({
            id: `row-${i}`,
            scores: Array.from({ length: 1 + i % 3 }, (_, c) => of(i, c)),
          })).join("\n"),
      );
    await verdicts("kind.jsonl", () => 1);
    await verdicts("strict.jsonl", (i, c) => i < 3 && c === 0 ? 0 : 1);
    const yaml = join(folder, "eval.yaml");
    await Deno.writeTextFile(
      yaml,
      "evaluator:\n  type: rows\n  dataset: {args: {url: rows.jsonl}}\n  model: {type: recorded, args: {path: answers.jsonl}}\n" +
        "  judge: {type: recorded, args: {path: kind.jsonl}}\n  cache: false\n  out_dir: x\n",
    );
    const options = { say: () => {}, progress: silentProgress() };
    const go = (dir: string, ...more: string[]) =>
      evaluateFile(yaml, [`out_dir=${join(folder, dir)}`, ...more], options);
    assertEquals(exitCode(await go("a")), 0);
    const strict = `judge={type: recorded, args: {path: ${JSON.stringify(join(folder, "strict.jsonl"))}}}`;
    assertEquals(exitCode(await go("b", strict, "threshold=0.6")), 0);
    assertEquals(exitCode(await go("b", strict, "threshold.followed=0.7")), 3);

    const comparison = await compareDirectories(join(folder, "a"), join(folder, "b"), builtinRegistry());
    const text = comparisonText(comparison, 100);
    assertStringIncludes(text, "3 : 0");
    assertStringIncludes(text, "3 items worse in B: row-0, row-1, row-2");
    assertStringIncludes(text, "note: the judges differ");
    assertAlmostEquals(comparison.scores[0]!.difference!, -1 / 3, 1e-12);
    const { onlyFirst, onlySecond, p } = comparison.scores[0]!.mcnemar!;
    assertEquals([onlyFirst, onlySecond, p.toFixed(9)], [3, 0, "0.250000000"]);

    // of 18 constraints the kind judge calls 3 met that the strict one doesn't
    const card = (dir: string, reference?: string) =>
      cardOfRun(join(folder, dir), builtinRegistry(), { reference });
    const made = (await card("a", join(folder, "strict.jsonl"))).agreement!;
    assertEquals([made.constraints, made.accuracy, made.tooKind, made.tooStrict], [18, 15 / 18, 3 / 18, 0]);
    assertEquals((await card("b", join(folder, "a"))).agreement!.tooStrict, 3 / 18);
    assertStringIncludes(judgeCardText(await card("b")), "# Judge card: recorded");

    await Deno.writeTextFile(join(folder, "answers.jsonl"), '{"id": "row-0", "response": "only one"}\n');
    const partial = await go("c");
    assertEquals([exitCode(partial), partial.results!.counts.unanswered], [2, 8]);
  });
});

Deno.test("eval compare exits with 2 where no item has a score in both runs, and says which rows and benchmarks it can't pair", async () => {
  await inFolder(async (folder) => {
    const go = async (dir: string, type: string, rule: string, id = 1) => {
      const row = { id, prompt: "Say hello.", constraints: [{ text: "small letters", rule: { id: rule } }] };
      await Deno.writeTextFile(join(folder, `${dir}.jsonl`), JSON.stringify(row));
      await Deno.writeTextFile(
        join(folder, "answers.jsonl"),
        '{"prompt": "Say hello.", "response": "hello"}',
      );
      await Deno.writeTextFile(
        join(folder, "eval.yaml"),
        `evaluator:\n  type: ${type}\n  args: {path: ${dir}.jsonl}\n  cache: false\n  out_dir: x\n` +
          "  model: {type: recorded, args: {path: answers.jsonl}}\n" +
          (type === "rows" ? "  judge: {type: rules}\n" : ""),
      );
      const quiet = { say: () => {}, progress: silentProgress() };
      await evaluateFile(join(folder, "eval.yaml"), [`out_dir=${join(folder, dir)}`], quiet);
    };
    await go("scored", "constraints", "case:lower");
    await go("unscored", "constraints", "case:lowr");
    await go("elsewhere", "constraints", "case:lower", 2);
    await go("rows", "rows", "case:lower");
    const compare = async (...args: string[]) => {
      const [a, b, ...flags] = args;
      const { code, out } = await taskHere(() =>
        evalTask(["compare", join(folder, a!), join(folder, b!), ...flags])
      );
      return { code, out: out.replaceAll(/\s+/g, " ") };
    };
    const gate = "--fail-if-worse";
    assertEquals((await compare("scored", "scored", gate)).code, 0);
    const nothing = await compare("unscored", "unscored", gate);
    assertStringIncludes(nothing.out, "Nothing compared: no item has a score followed in both runs");
    assertEquals(nothing.code, 2, nothing.out);
    const gained = await compare("unscored", "scored");
    assertStringIncludes(gained.out, "the judges differ: both are rules, with other options, rows, prompts");
    assertEquals(gained.code, 2);
    // with misses counted that is worse
    assertEquals((await compare("scored", "unscored", gate)).code, 3);
    const other = await compare("scored", "elsewhere");
    assertStringIncludes(
      other.out,
      "1 item in the first and 1 in the second, all of other ids; evaluate both",
    );
    assertEquals(other.code, 1);
    const benchmarks = await compare("scored", "rows");
    assertStringIncludes(benchmarks.out, "constraints and rows; name two runs of one benchmark");
    assertEquals(benchmarks.code, 1);
  });
});

Deno.test("deno task eval without a file judges the bundled model by rules, offline", async () => {
  await inFolder(async (folder) => {
    const { code, out } = await taskHere(() =>
      evalTask([`out_dir=${join(folder, "out")}`, "max_samples=3", "cache=false"])
    );
    assertEquals(code, 0, out);
    assertStringIncludes(out, "on constraints 1, judged by rules");
    const results = JSON.parse(await Deno.readTextFile(join(folder, "out", "results.json")));
    assertEquals([results.complete, results.counts.judged, results.counts.unscored], [true, 3, 0]);
  });
});

Deno.test("evaluate_all_task_for_model.sh takes the released script's three arguments and changes no file", async () => {
  await inFolder(async (folder) => {
    await using server = mockServer();
    const config = join(ROOT, "examples/eval/config");
    const before = await Deno.readTextFile(join(config, "evaluator-trace-gpt-gpt.yaml"));
    await Deno.writeTextFile(
      join(folder, "small.yaml"),
      "evaluator:\n  type: trace\n  max_samples: 3\n  cache: false\n  out_dir: x\n  model: {type: vllm, args: {name: other}}\n  evaluator_llm: {type: alibaba-remote-llm, args: {name: gpt-4o}}\n",
    );
    await Deno.writeTextFile(
      join(folder, "model.yaml"),
      `type: vllm\nargs: {name: mine, api_base: "${server.base}", api_key: "EMPTY"}\n`,
    );
    const script = join(ROOT, "examples/eval/evaluate_all_task_for_model.sh");
    const env = {
      OPENAI_API_KEY: "k",
      OPENAI_API_BASE: server.base,
      PATH: `${join(Deno.execPath(), "..")}:${Deno.env.get("PATH")}`,
    };
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: [script, "result", join(folder, "model.yaml"), join(folder, "small.yaml")],
      cwd: folder,
      env,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout));
    const released = JSON.parse(await Deno.readTextFile(join(folder, "result/trace_mine.json")));
    assertEquals([released.result.length, released.config.evaluator.model.args.name], [3, "mine"]);
    assertEquals(await Deno.readTextFile(join(config, "evaluator-trace-gpt-gpt.yaml")), before);
    // a folder as the released scripts have it: the model is found in its config/, a changed copy of an example isn't passed over
    await Deno.mkdir(join(folder, "config/models"), { recursive: true });
    await Deno.rename(join(folder, "model.yaml"), join(folder, "config/models/mine.yaml"));
    await Deno.writeTextFile(join(folder, "config/evaluator-trace-gpt-gpt.yaml"), `# mine\n${before}`);
    const inOwn = async (evaluator: string) => {
      const args = [script, "own", "models/mine.yaml", evaluator];
      const { code, stderr } = await new Deno.Command("bash", { args, cwd: folder, env }).output();
      return { code, said: new TextDecoder().decode(stderr) };
    };
    const own = await inOwn("small.yaml");
    assertEquals(own.code, 0, own.said);
    const two = await inOwn("config/evaluator-trace-gpt-gpt.yaml");
    assertEquals(two.code, 1, two.said);
    assertStringIncludes(two.said, "two files are the evaluator file config/evaluator-trace-gpt-gpt.yaml");
    const wrong = await new Deno.Command("bash", { args: [script, "result"], cwd: folder }).output();
    assertEquals(wrong.code, 1);
    assertStringIncludes(new TextDecoder().decode(wrong.stderr), "OUT_DIR MODEL_YAML EVALUATOR_YAML");
  });
});

/** A `vllm` that writes down how it was called and then serves the mock, or ends. */
async function fakeVllm(folder: string, crash = false): Promise<string> {
  const bin = join(folder, "bin"), mock = join(folder, "mock.ts");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(
    mock,
    `import { mockServer } from "${new URL("./bench/mock_server.ts", import.meta.url)}";\n` +
      "mockServer({ port: Number(Deno.args[0]) });\n",
  );
  await Deno.writeTextFile(
    join(bin, "vllm"),
    `#!/usr/bin/env bash\nprintf '%s\\n' "$@" > "${folder}/called"\necho $$ > "${folder}/pid"\n` +
      (crash
        ? "echo 'ValueError: no such model' >&2\nexit 3\n"
        : `sleep 0.5\nexec "${Deno.execPath()}" run -A --no-check "${mock}" "$8"\n`),
    { mode: 0o755 },
  );
  return `${bin}:${join(Deno.execPath(), "..")}:${Deno.env.get("PATH")}`;
}

async function runScript(folder: string, path: string, more: Record<string, string>, port = unusedPort()) {
  const base = `http://127.0.0.1:${port}/v1`;
  await Deno.writeTextFile(
    join(folder, "model.yaml"),
    `type: vllm\nargs: {name: mine, model_path: weights, api_base: "${base}", gpu_memory_utilization: 0.5}\n`,
  );
  await Deno.writeTextFile(
    join(folder, "small.yaml"),
    "evaluator:\n  type: trace\n  max_samples: 2\n  cache: false\n  model: {type: vllm, args: {name: other}}\n" +
      `  evaluator_llm: {type: alibaba-remote-llm, args: {name: gpt-4o}}\n`,
  );
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: [join(ROOT, "examples/eval/evaluate_all_task_for_model.sh"), "result", "model.yaml", "small.yaml"],
    cwd: folder,
    env: {
      PATH: path,
      OPENAI_API_KEY: "k",
      OPENAI_API_BASE: base,
      OPENAI_BASE_URL: "",
      NO_COLOR: "1",
      ...more,
    },
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout) + text.decode(stderr), port };
}

Deno.test("evaluate_all_task_for_model.sh starts vllm where nothing answers, waits for it and stops it", async () => {
  await inFolder(async (folder) => {
    const path = await fakeVllm(folder);
    const { code, out, port } = await runScript(folder, path, {});
    assertEquals(code, 0, out);
    assertStringIncludes(out, "mine on trace 2, judged by gpt-4o");
    const called = (await Deno.readTextFile(join(folder, "called"))).trim().split("\n");
    assertEquals(
      called,
      `serve weights --served-model-name mine --host 127.0.0.1 --port ${port} --tensor-parallel-size 1 --gpu-memory-utilization 0.5`
        .split(" ").flatMap((word) => word === "" ? [] : [word]),
    );
    const alive = await new Deno.Command("kill", {
      args: ["-0", (await Deno.readTextFile(join(folder, "pid"))).trim()],
      stderr: "null",
    }).output();
    assertEquals(alive.success, false, "the server is still there");
  });
});

Deno.test("evaluate_all_task_for_model.sh tells of a server that ends, another one on the port, and a lacking key before it starts one", async () => {
  await inFolder(async (folder) => {
    const path = await fakeVllm(folder, true);
    const lacking = await runScript(folder, path, { OPENAI_API_KEY: "" });
    assertEquals(lacking.code, 1, lacking.out);
    assertStringIncludes(lacking.out, "OPENAI_API_KEY isn't set");
    await assertRejects(() => Deno.stat(join(folder, "called")), Deno.errors.NotFound);

    const ended = await runScript(folder, path, {});
    assertEquals(ended.code, 1, ended.out);
    assertStringIncludes(ended.out, "no such model");
    assertStringIncludes(ended.out, "its server ended with exit code 3");

    await using page = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response("<p>hi"),
    );
    const other = await runScript(folder, path, {}, page.addr.port);
    assertEquals(other.code, 1, other.out);
    assertStringIncludes(other.out, "is no server of chat completions");
  });
});

Deno.test({
  name:
    "evaluate_all_task_for_model.sh starts no server beside one that is too busy to answer (ignored without TEST_ALL)",
  ignore: !Deno.env.has("TEST_ALL"), // it waits for 20 s
  fn: () =>
    inFolder(async (folder) => {
      const path = await fakeVllm(folder), busy = Promise.withResolvers<Response>();
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        () => busy.promise,
      );
      const { code, out } = await runScript(folder, path, {}, server.addr.port);
      busy.resolve(new Response());
      assertEquals(code, 1, out);
      assertStringIncludes(out, "gives no answer within 20 s");
      await assertRejects(() => Deno.stat(join(folder, "called")), Deno.errors.NotFound);
    }),
});

Deno.test("deno task eval: a run in which nothing has a score says so and fails", async () => {
  await inFolder(async (folder) => {
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
  await inFolder(async (folder) => {
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

async function yamlFile(
  folder: string,
  model: string,
  dataset = "  dataset: {args: {url: rows.jsonl}}\n",
): Promise<string> {
  const path = join(folder, "eval.yaml");
  await Deno.writeTextFile(
    path,
    `evaluator:\n  type: rows\n${dataset}  model: ${model}\n  judge: {type: recorded, args: {path: none.jsonl}}\n` +
      "  cache: false\n",
  );
  return path;
}
