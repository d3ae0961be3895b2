import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";

import { join } from "@std/path";

import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { attributed } from "../../plugins/kinds/plugin_fault.ts";
import { errorText, parseArguments, portNumber, usage, wholeNumber } from "./cli.ts";

const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const FLAGS = { help: "this text", "dry-run": "show, don't train", json: "as JSON" };

Deno.test("parseArguments() tells file, overrides and flags apart", () => {
  const parsed = parseArguments(
    ["a/b.yaml", "--dry-run", "learning_rate=5e-6", "output_dir=a=b", "-h"],
    FLAGS,
  );
  assertEquals(parsed.config, "a/b.yaml");
  assertEquals(parsed.overrides, ["learning_rate=5e-6", "output_dir=a=b"]);
  assertEquals([...parsed.flags], ["dry-run", "help"]);
  assertEquals(parseArguments([], FLAGS).config, undefined);
});

Deno.test("parseArguments() refuses an unknown flag and a second file", () => {
  const unknown = assertThrows(() => parseArguments(["--dryrun"], FLAGS), RangeError);
  assertStringIncludes(unknown.message, 'did you mean "--dry-run"');
  const key = assertThrows(() => parseArguments(["--learning-rate=1"], FLAGS), RangeError);
  assertStringIncludes(key.message, "keys are written learning_rate=VALUE");
  const said = (args: string[], most?: number, takesKeys?: boolean) =>
    assertThrows(() => parseArguments(args, FLAGS, most, takesKeys), RangeError).message;
  assertEquals(
    said(["-x"]),
    "Cannot use the unknown flag -x: flags are --help, --dry-run, --json",
    "a letter is no key",
  );
  assertStringIncludes(said(["--x"], 1, false), "--dry-run, --json");
  assert(!said(["--x"], 1, false).includes("keys are written"));
  for (const flag of ["-c", "--config", "--config-file=a.yaml"]) {
    assertStringIncludes(said([flag, "a.yaml"]), "; a file is named without a flag");
  }
  for (const written of ["rate = 1e-4", "rate =1e-4", "rate= 1e-4"]) {
    assertStringIncludes(said(["a.yaml", ...written.split(" ")]), "write rate=1e-4 without blanks around =");
  }
  assertThrows(() => parseArguments(["a.yaml", "b.yaml"], FLAGS), RangeError, "a.yaml and b.yaml");
  assertThrows(
    () => parseArguments(["a.yaml"], FLAGS, 0),
    RangeError,
    "Cannot take a.yaml as only flags are taken here",
  );
});

Deno.test("usage() names every flag", () => {
  const text = usage(["deno task train"], FLAGS);
  for (const [flag, what] of Object.entries(FLAGS)) {
    assertStringIncludes(text, `--${flag}`), assertStringIncludes(text, what);
  }
});

Deno.test("errorText() says in words that nothing under /dev is open to a task", () => {
  const error = new Error('Requires all access to "/dev/shm/m", run again with the --allow-all flag');
  assertStringIncludes(
    errorText(error, false),
    "error: /dev/shm/m lies among the system's devices, and a task opens nothing under /dev, /proc and /sys: use another folder",
  );
});

Deno.test("errorText() says what a permission that the task lacks is for", () => {
  const of = (kind: string, what: string) =>
    errorText(
      new Error(`Requires ${kind} access to "${what}", run again with the --allow-${kind} flag`),
      false,
    );
  assertStringIncludes(
    of("sys", "cpus"),
    'error: the task has no permission to ask the system for "cpus", which needs --allow-sys',
  );
  assertStringIncludes(
    of("net", "a:1"),
    'no permission to reach or to listen at "a:1", which needs --allow-net: run it as deno.json',
  );
  assertStringIncludes(of("other", "x"), 'Requires other access to "x"');
});

Deno.test("a task that may look at no variable of the environment still says what is wrong", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      "--deny-env",
      `--config=${CONFIG}`,
      new URL("../doors/export.ts", import.meta.url).pathname,
      "export_dir=out",
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 1);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^error: the task has no permission to look at the environment's "\w+"/,
  );
});

Deno.test("errorText() has no stack trace unless asked", () => {
  const error = new RangeError("Cannot do x", { cause: new Error("why") });
  assertEquals(errorText(error, false), "error: Cannot do x");
  assert(errorText(error, true).includes("cli_test.ts"));
  assertStringIncludes(errorText(error, true), "caused by: Error: why");
  assertStringIncludes(errorText(new Error("disk"), false), "DINOTUNE_DEBUG=1");
});

Deno.test({
  name: "a task whose standard output is on a full disk says so (ignored without /dev/full)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const module = JSON.stringify(import.meta.resolve("./cli.ts"));
    for (const printing of ["print('a')", "printAsItIs('a')"]) {
      const code =
        `import { print, printAsItIs, runTask } from ${module}; void runTask(() => Promise.resolve(${printing}))`;
      const { stderr } = await new Deno.Command("sh", {
        args: [
          "-c",
          `echo "$1" | '${Deno.execPath()}' run -A --no-check --config '${CONFIG}' - > /dev/full`,
          "sh",
          code,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      assertStringIncludes(
        new TextDecoder().decode(stderr),
        "error: Cannot write standard output: the disk is full (No space left on device (os error 28))",
      );
    }
  },
});

Deno.test({
  name:
    "a task that writes more than a limit on files' sizes allows says so, where the system would end it without a word",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const path = join(temporaryFolder(), "large");
    const code = `import { runTask } from ${JSON.stringify(import.meta.resolve("./cli.ts"))};
      void runTask(async () => {
        using file = Deno.openSync(${JSON.stringify(path)}, { write: true, create: true });
        file.seekSync(2e9, Deno.SeekMode.Start);
        file.writeSync(new Uint8Array(1));
      });`;
    const { code: exit, stderr } = await new Deno.Command("bash", {
      args: [
        "-c",
        `ulimit -f 1000000; echo "$1" | '${Deno.execPath()}' run -A --no-check --config '${CONFIG}' -`,
        "bash",
        code,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals([exit, new TextDecoder().decode(stderr)], [
      1,
      "error: Cannot write a file as files of this size aren't allowed here, by a limit of this process (`ulimit -f` shows it) or of the file system\n",
    ]);
  },
});

Deno.test("errorText() names the plugin that an error came from, once, behind the place in a file", () => {
  const plugin = "endpoint/mine of my.ts:3:1";
  const first = (error: Error) => errorText(error, false).split("\n")[0];
  assertEquals(first(attributed(new Error("boom"), plugin, false)), `error: ${plugin}: boom`);
  assertEquals(first(attributed(new Error("boom"), plugin, true)), `error: ${plugin}: boom`);
  const placed = attributed(new Error("boom"), plugin, false);
  placed.message = "e.yaml:5:3: boom";
  assertEquals(first(placed), `error: e.yaml:5:3: ${plugin}: boom`);
});

Deno.test({
  name: "interruption() takes a signal that arrives twice at once for one; a later one ends the process",
  ignore: Deno.build.os === "windows",
  async fn() {
    const module = new URL("./cli.ts", import.meta.url).href;
    // the process signals itself and stops its clock, so that no busy machine changes what lies between two signals
    const run = async (between: number, first = "SIGINT", second = "SIGINT") => {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "eval",
          `const { interruption } = await import("${module}");
          let now = 1000, looks = 0;
          const both = Promise.withResolvers();
          // each signal looks at the clock once
          performance.now = () => (++looks === 2 ? both.resolve() : undefined, now);
          using stop = interruption(() => {});
          stop.signal.addEventListener("abort", () => {
            now += ${between};
            Deno.kill(Deno.pid, "${second}");
          });
          console.log("ready");
          Deno.kill(Deno.pid, "${first}");
          await both.promise;
          console.log("tidy");
          Deno.exit(stop.code);`,
        ],
        env: { NO_COLOR: "1" },
      }).output();
      return [code, new TextDecoder().decode(stdout)];
    };
    assertEquals(await run(499), [130, "ready\ntidy\n"]);
    assertEquals(await run(500), [130, "ready\n"]);
    // as shells give it for a process that the signal ended
    assertEquals(await run(499, "SIGTERM"), [143, "ready\ntidy\n"]);
    assertEquals(await run(500, "SIGINT", "SIGTERM"), [143, "ready\n"]);
  },
});

Deno.test({
  name: "interruption() says again and again what a task that was stopped still waits for",
  ignore: Deno.build.os === "windows",
  async fn() {
    const module = new URL("./cli.ts", import.meta.url).href;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `const { interruption } = await import("${module}");
        const said = Promise.withResolvers(), lines = [];
        using stop = interruption((line) => lines.push(line) === 3 && said.resolve(), "the trainer mine is waited for", 40);
        setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"));
        await said.promise;
        console.log(lines.join("\\n"));`,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    const again = "Still stopping, after 0 s: the trainer mine is waited for. Ctrl-C again ends at once.\n";
    assertEquals(
      new TextDecoder().decode(stdout),
      `\nStopping: the trainer mine is waited for. Ctrl-C again ends at once.\n${again}${again}`,
    );
  },
});

Deno.test("parseArguments() gives flags their values, behind = or as the next word", () => {
  const known = { "limit N": "how many", "worse [SCORE]": "gate", json: "as JSON" };
  const read = (...args: string[]) => {
    const { words, values, flags } = parseArguments(args, known, 2);
    return [words, Object.fromEntries(values), [...flags]];
  };
  assertEquals(read("--limit", "3", "a"), [["a"], { limit: "3" }, ["limit"]]);
  assertEquals(read("--limit=3", "--json"), [[], { limit: "3" }, ["limit", "json"]]);
  // an optional value is only taken where there would be too many words
  assertEquals(read("--worse", "a", "b"), [["a", "b"], { worse: "" }, ["worse"]]);
  assertEquals(read("a", "--worse", "x", "b"), [["a", "b"], { worse: "x" }, ["worse"]]);
  assertThrows(() => read("--limit"), RangeError, "--limit without a value");
  assertThrows(() => read("--json=1"), RangeError, "takes no value");
  assertThrows(() => read("a", "b", "c"), RangeError, "3 words");
  assertEquals(wholeNumber(parseArguments(["--limit=3"], known), "limit"), 3);
  for (const wrong of ["-1", "x", "1.5", "", "1e3"]) {
    const given = parseArguments([`--limit=${wrong}`], known);
    assertThrows(() => wholeNumber(given, "limit"), RangeError, "as a whole number");
  }
});

Deno.test("a task that waits for what never ends is an error, not a run that went well", async () => {
  const script = `import { runTask } from "${new URL(
    "./cli.ts",
    import.meta.url,
  )}"; void runTask(() => new Promise(() => {}));`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", config, script],
    stdout: "null",
  }).output();
  assertStringIncludes(
    new TextDecoder().decode(stderr),
    "error: Cannot finish as something that the task waits for",
  );
  assertEquals(code, 1);
});

Deno.test("portNumber() takes 0 to 65535, and names what is larger", () => {
  const of = (text: string) => portNumber(parseArguments(["--port", text], { "port N": "" }), 1);
  assertEquals([of("0"), of("65535"), portNumber(parseArguments([], {}), 8090)], [0, 65535, 8090]);
  assertThrows(() => of("70000"), RangeError, "Cannot listen at port 70000: the largest is 65535");
  assertThrows(() => of("-1"), RangeError, "Cannot read --port as a whole number >= 0: current value is -1");
});
