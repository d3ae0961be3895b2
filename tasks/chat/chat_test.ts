/** Chats on a tiny model with random weights: answers are noise, but always the same noise. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { stripVTControlCharacters } from "node:util";

import project from "../../deno.json" with { type: "json" };
import { runDeno, taskWords } from "../../tests/helpers/deno_process.ts";
import { temporaryFolder } from "../../tests/helpers/temporary_folder.ts";
import { exists } from "../../formats/exists.ts";
import { builtinRegistry } from "../../plugins/builtins.ts";
import { Models } from "../serve/models.ts";
import { type AnswerSink, ChatSession } from "./session.ts";
import { UNIX } from "../../tests/helpers/system.ts";

const GOLDENS = new URL("../../fixtures/goldens/llamafactory/", import.meta.url).pathname;

const MODEL = join(GOLDENS, "model"), ADAPTER = join(GOLDENS, "adapter");

const ROOT = new URL("../../", import.meta.url).pathname;

const folder = temporaryFolder();

Deno.test("deno task chat in a pipe: answers on standard output, commands obeyed, notes elsewhere", async () => {
  const file = join(folder, "chat.jsonl"), taken = join(folder, "taken.jsonl");
  Deno.writeTextFileSync(taken, "mine");
  const models = [
    MODEL,
    "--adapter",
    `tuned=${ADAPTER}`,
    "--base",
    "--template",
    "qwen",
    "--backend",
    "onnx",
  ];
  const lines = [
    "/retry",
    "Hi \\",
    "there",
    "/retry",
    "/sytem x",
    `/save ${file}`,
    `/save ${file}`,
    `/save ${taken}`,
    `/save ${join(folder, "none", "x.jsonl")}`,
    "/save",
    "/system Be brief.",
    "Hi",
    "/help",
    "/exit",
    "unread",
  ];
  const words = taskWords("chat", ...models, "--temperature", "0", "--max-tokens", "6");
  const input = lines.map((line) => `${line}\n`).join("");
  const { code, stdout: out, stderr: notes } = await runDeno(words, { input });
  assertEquals(code, 1, "lines that couldn't be followed");
  assertStringIncludes(
    notes,
    `${join(folder, "none", "x.jsonl")}: there is no folder ${join(folder, "none")}\n`,
  );
  assertStringIncludes(notes, `Cannot save to ${taken} as it is there already`);
  assertEquals(Deno.readTextFileSync(taken), "mine");
  const rounds = out.split(/^model:\n/m).slice(1).map((round) => round.split(/^tuned:\n/m));
  assertEquals(rounds.map((round) => round.length), [2, 2, 2]);
  assertEquals(rounds[1], rounds[0], "greedy, so that asking again gives the same");
  assert(rounds[2]![0] !== rounds[0]![0], "another system text gives another answer");
  for (
    const words of [
      "nothing was asked yet",
      'did you mean "/system"',
      `2 messages written to ${file}`,
      "/save FILE",
      "System text set",
      "/retry  ",
    ]
  ) {
    assertStringIncludes(notes, words);
  }
  const saved = Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(saved.map(({ model, messages }) => [model, messages[0], messages.length]), [
    ["model", { role: "user", content: "Hi \nthere" }, 2],
    ["tuned", { role: "user", content: "Hi \nthere" }, 2],
  ]);
  assertEquals(rounds[0]![0]!.trimEnd(), saved[0].messages[1].content.trimEnd());
});

const SCRIPT = ["/usr/bin/script", "/bin/script"].find((path) => exists(path));

Deno.test({
  name:
    `deno task chat ends quietly when who reads its answers goes, and says that they can't be written${UNIX.why}`,
  ignore: UNIX.ignore,
  async fn() {
    const command = project.tasks.chat.command.split(" ").slice(1)
      .concat([MODEL, "--template", "qwen", "--backend", "onnx", "--temperature", "0", "--max-tokens", "40"])
      .map((word) => `'${word}'`).join(" ");
    const ends = async (shell: string) => {
      const script = `printf 'Hi\\nHi\\nHi\\n' | { '${Deno.execPath()}' ${command} ${shell}`;
      const { stdout, stderr } = await new Deno.Command("sh", {
        args: ["-c", script],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
      }).output();
      return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    };
    const code = join(folder, "code");
    const [, notes = ""] = await ends(`; echo $? > '${code}'; } | head -c1`);
    assertEquals([Deno.readTextFileSync(code), notes.includes("rror")], ["141\n", false], notes);
    if (Deno.build.os !== "linux") return;
    const [, full = ""] = await ends(`> /dev/full; echo $? > '${code}'; }`);
    assertStringIncludes(full, "error: Cannot write the answer to standard output: ");
    assertEquals(Deno.readTextFileSync(code), "1\n");
  },
});

Deno.test({
  name: `on a terminal Ctrl-C stops an answer, and between answers nothing but shows the line again${
    SCRIPT && Deno.build.os === "linux" ? "" : " (ignored: no script of util-linux here)"
  }`,
  ignore: SCRIPT === undefined || Deno.build.os !== "linux",
  fn: async () => {
    const task = [Deno.execPath(), ...taskWords("chat")];
    // the slow backend: on the others the tiny model's answer may be over before the key arrives
    const options = ["--template", "qwen", "--backend", "reference", "--temperature", "0"];
    const process = new Deno.Command(SCRIPT ?? "", {
      args: ["-qec", `echo process $$; exec ${[...task, MODEL, ...options].join(" ")}`, "/dev/null"],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keys = process.stdin.getWriter(),
      shown = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    // instead of waiting for ever; many times what it takes on a busy machine
    const file = join(folder, "typed.jsonl");
    const end = setTimeout(() => process.kill("SIGKILL"), 180_000);
    let text = "", seen = 0;
    /** Waits until the terminal shows something behind what was waited for before. */
    const until = async (wanted: RegExp) => {
      for (;;) {
        const plain = stripVTControlCharacters(text), found = wanted.exec(plain.slice(seen));
        if (found) return seen += found.index + found[0].length;
        const { value, done } = await shown.read();
        if (done) throw new Error(`${wanted} wasn't shown:\n${text}`);
        text += value;
      }
    };
    const type = (text: string) => keys.write(new TextEncoder().encode(text));
    const line = /> $/;
    const pause = () => new Promise((resolve) => setTimeout(resolve, 400));
    // what is typed while the model is opened is shown once, in the line
    await until(/Opening [^\n]*\n/);
    await type("early words");
    await until(/> early words$/);
    assertEquals(stripVTControlCharacters(text).match(/early words/g)?.length, 1);
    await type("\x03");
    await until(/\(dropped\)/);
    await until(line);
    await pause();
    await type("\x03");
    await until(/Nothing to stop/);
    await until(line);
    // Ctrl-C twice within 300 ms counts once, as it may come as a key and as a signal
    await pause();
    await type("this goes on \\\rand this");
    await until(/and this/);
    await type("\x03");
    await until(/\(dropped\)/);
    await until(line);
    await pause();
    // several lines that were pasted are one question
    await type("\x1b[200~Name\ra river.\x1b[201~");
    await until(/Name\\\s+> a river\.$/);
    await type("\r");
    await until(/999/);
    // what is typed while it answers waits for its end
    await type("/save typed.jsonl");
    await until(/999/);
    await type("\x03");
    await until(/\(stopped\)/);
    await until(line);
    await type(`/save ${file}\r`);
    await until(/2 messages written/);
    await until(line);
    // ended from outside it leaves the terminal as it was, pastes unmarked
    Deno.kill(Number(/process (\d+)/.exec(text)?.[1]), "SIGTERM");
    for (let part = await shown.read(); !part.done; part = await shown.read()) text += part.value;
    assertEquals((await process.status).code, 143);
    clearTimeout(end);
    assertStringIncludes(text, "\x1b[?2004l");
    assert(!stripVTControlCharacters(text).includes("typed.jsonl\n(stopped)"), "not echoed into the answer");
    const [saved] = Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(saved.messages[0].content, "Name\na river.");
    await shown.cancel();
    await keys.close().catch(() => {});
  },
});

Deno.test({
  name: `on a terminal that knows no commands (TERM=dumb) lines and answers are all that is written${
    SCRIPT && Deno.build.os === "linux" ? "" : " (ignored: no script of util-linux here)"
  }`,
  ignore: SCRIPT === undefined || Deno.build.os !== "linux",
  async fn() {
    const task = [
      Deno.execPath(),
      ...project.tasks.chat.command.split(" ").slice(1),
      MODEL,
      "--template",
      "qwen",
    ];
    const process = new Deno.Command(SCRIPT ?? "", {
      args: ["-qec", [...task, "--backend", "onnx", "--max-tokens", "3"].join(" "), "/dev/null"],
      cwd: ROOT,
      env: { TERM: "dumb" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const keys = process.stdin.getWriter();
    await keys.write(new TextEncoder().encode("Hi\n/help\n/exit\n"));
    const { code, stdout } = await process.output();
    await keys.close().catch(() => {});
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, text);
    assert(!text.includes("\x1b"), text);
    assertStringIncludes(text, "/retry  ");
    assertEquals(text.match(/^> /gm)?.length, 3, text);
  },
});

Deno.test("a conversation: stopped answers, history, asking again, a full context", async () => {
  const models = await Models.open({
    model: MODEL,
    name: null,
    adapters: new Map(),
    template: "qwen",
    device: { backend: "onnx", provider: "cpu", threads: null },
    quantization: "stored",
    speculation: 0,
    maxModelLen: 300,
    maxBatch: 1,
  }, builtinRegistry());
  try {
    const session = new ChatSession(models.list(), {
      system: "",
      sampling: { temperature: 1, seed: 3, max_tokens: 20 },
    });
    const told: [text: string, note: string | null][] = [], late: string[] = [];
    const sink = (onText = () => {}): AnswerSink => {
      let whole = "", isOver = false;
      return {
        thought() {},
        said(_, text) {
          if (isOver) late.push(text);
          whole += text;
          onText();
        },
        ended: (_, note) => {
          isOver = true;
          told.push([whole, note]);
        },
      };
    };
    const never = new AbortController().signal;
    await session.ask("Hi", sink(), never);
    await session.retry(sink(), never);
    assert(told[0]![0] !== told[1]![0], "asked again with a seed, another answer");
    assertEquals(told[0]![1], "cut at the limit of tokens");
    const stop = new AbortController();
    await session.retry(sink(() => stop.abort(new Error("stopped"))), stop.signal);
    assertEquals(told[2]![1], "stopped");
    assert(told[2]![0].length > 0 && told[2]![0].length < told[0]![0].length);
    await assertRejects(
      () => session.ask("word ".repeat(100), sink(), never),
      RangeError,
      "/clear starts over",
    );
    session.clear();
    await assertRejects(() => session.retry(sink(), never), RangeError, "nothing was asked yet");
    await session.ask("Hi", sink(), never);
    assertEquals(told[3], told[0]);
    // a question that was stopped before its answer began is the one that is asked again, and the answer before it stays
    const early = AbortSignal.abort(new Error("stopped"));
    await session.ask("And now?", sink(), early);
    assertEquals(told[4], ["", "stopped"]);
    await session.retry(sink(), never);
    const { messages, file } = session.save(join(folder, "again.jsonl"));
    assertEquals(messages, 4);
    assertStringIncludes(Deno.readTextFileSync(file), '{"role":"user","content":"And now?"}');
    const unbound = new ChatSession(models.list(), { system: "", sampling: { temperature: 0 } });
    await unbound.ask("Hi", sink(), never);
    assertEquals(told.at(-1)![1], "cut as the context is full; /clear starts over");
    assertEquals(late, [], "what the engine still gave behind the end is nobody's");
  } finally {
    await models.close();
  }
});
