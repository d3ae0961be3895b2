/** The script that takes the released one's arguments. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { mockServer } from "./bench/eval/mock_server.ts";
import { unusedPort } from "../tests/helpers/unused_port.ts";
import { inNewFolder, ROOT } from "./_eval_runs.ts";

Deno.test("evaluate_all_task_for_model.sh takes the released script's three arguments and changes no file", async () => {
  await inNewFolder(async (folder) => {
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
    `import { mockServer } from "${new URL("./bench/eval/mock_server.ts", import.meta.url)}";\n` +
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
  await inNewFolder(async (folder) => {
    const path = await fakeVllm(folder);
    const { code, out, port } = await runScript(folder, path, {});
    assertEquals(code, 0, out);
    assertStringIncludes(out, "mine on trace 3, judged by gpt-4o");
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
  await inNewFolder(async (folder) => {
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
    inNewFolder(async (folder) => {
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
