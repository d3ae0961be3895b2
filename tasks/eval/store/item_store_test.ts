import { assert, assertEquals, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";

import { runDeno } from "../../../tests/helpers/deno_process.ts";
import { type AnswerState, ItemStore } from "./item_store.ts";

const state = (id: string, text: string, key = "a1"): AnswerState => ({
  stage: "generate",
  id,
  key,
  completion: { outcome: "stop", text, promptTokens: 1, completionTokens: 1 },
  ms: 1,
  cached: false,
});

function inFolder(test: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("ItemStore says in words that a run's folder has no items.jsonl, or something else of that name", () => {
  inFolder((folder) => {
    const opened = (readOnly: boolean, place = folder) => () => new ItemStore(place, { readOnly });
    assertThrows(
      opened(true),
      RangeError,
      `Cannot read ${folder} as the folder of a run: it has no items.jsonl`,
    );
    const none = `${folder}/none`;
    assertThrows(opened(true, none), RangeError, `Cannot open ${none}/items.jsonl: there is no such folder`);
    Deno.mkdirSync(`${folder}/items.jsonl`);
    for (const readOnly of [true, false]) {
      assertThrows(
        opened(readOnly),
        RangeError,
        `Cannot open ${folder}/items.jsonl: it is a folder, and a file is needed`,
      );
    }
  });
});

Deno.test("ItemStore finds what it wrote, the last line of an item counts, another key doesn't", () => {
  inFolder((folder) => {
    {
      using store = new ItemStore(folder);
      store.append(state("a", "first"));
      store.append(state("b", "漢字\nline"));
      store.append(state("a", "second", "b2"));
    }
    using store = new ItemStore(folder);
    assertEquals(store.answer("a")?.completion.text, "second");
    assertEquals(store.answer("b")?.completion.text, "漢字\nline");
    assertEquals([store.has("generate", "a", "a1"), store.has("generate", "a", "b2")], [false, true]);
    assertEquals([store.count("generate"), store.count("judge"), store.judgement("a")], [2, 0, undefined]);
  });
});

Deno.test("ItemStore cuts a half-written line away at every length and continues after the whole ones", () => {
  inFolder((folder) => {
    const path = `${folder}/items.jsonl`;
    {
      using store = new ItemStore(folder);
      store.append(state("a", "whole"));
      store.append(state("b", "cut"));
    }
    const bytes = Deno.readFileSync(path);
    const first = bytes.indexOf(10) + 1;
    for (let end = first; end < bytes.length; end++) {
      Deno.writeFileSync(path, bytes.subarray(0, end));
      using store = new ItemStore(folder);
      assertEquals([store.dropped, store.count("generate")], [end - first, 1]);
      store.append(state("b", "again"));
      assertEquals(store.answer("b")?.completion.text, "again");
    }
    assertEquals(Deno.readTextFileSync(path).trimEnd().split("\n").length, 2);
  });
});

Deno.test("ItemStore.forget() takes the verdicts away and leaves the answers, now and when it is opened again", () => {
  inFolder((folder) => {
    const verdict = (id: string) => ({
      stage: "judge" as const,
      id,
      key: "b1",
      judgement: null,
      requests: 1,
      promptTokens: 1,
      completionTokens: 1,
      ms: 1,
    });
    {
      using store = new ItemStore(folder);
      for (const id of ["a", "b"]) store.append(state(id, "answer")), store.append(verdict(id));
      store.forget("judge");
      assertEquals([store.count("judge"), store.has("judge", "a", "b1"), store.count("generate")], [
        0,
        false,
        2,
      ]);
      store.append(verdict("b"));
    }
    using store = new ItemStore(folder);
    assertEquals([store.count("judge"), store.has("judge", "a", "b1"), store.has("judge", "b", "b1")], [
      1,
      false,
      true,
    ]);
    assertEquals([store.count("generate"), store.answer("a")?.completion.text], [2, "answer"]);
    // a judge that couldn't be asked has given no verdict, whatever it gave before
    for (const id of ["b", "c"]) store.append({ ...verdict(id), key: "", error: "no answer" });
    assertEquals([store.count("judge"), store.judgement("c")?.error], [0, "no answer"]);
    store.append(verdict("c"));
    assertEquals(store.count("judge"), 1);
  });
});

Deno.test("ItemStore refuses a file that is open elsewhere and one with a broken line in its middle", () => {
  inFolder((folder) => {
    {
      using _open = new ItemStore(folder);
      assertThrows(
        () => new ItemStore(folder),
        Error,
        `Cannot write to ${folder} as process ${Deno.pid} (this one) has been using it since 2`,
      );
    }
    Deno.writeTextFileSync(`${folder}/items.jsonl`, '{"stage":"generate"\n{}\n');
    assertThrows(() => new ItemStore(folder), RangeError, "at byte 0");
    Deno.writeTextFileSync(`${folder}/items.jsonl`, '{"stage":"x","id":"a","key":"a1"}\n');
    assertThrows(() => new ItemStore(folder), RangeError, "stage, id or key");
  });
});

Deno.test("ItemStore refuses a line with any flipped byte by its number, takes it as not done when it is removed, and reads lines without sums", () => {
  inFolder((folder) => {
    const path = `${folder}/items.jsonl`;
    {
      using store = new ItemStore(folder);
      for (const id of ["a", "b", "c"]) store.append(state(id, `${id} is 漢字`));
      assertEquals(store.answer("b"), state("b", "b is 漢字"));
    }
    const whole = Deno.readFileSync(path), lines = new TextDecoder().decode(whole).split("\n");
    const start = whole.indexOf(10) + 1, end = whole.indexOf(10, start);
    let sumless = 0;
    for (let place = start; place < end; place++) {
      const bytes = whole.slice();
      bytes[place]! ^= 1;
      Deno.writeFileSync(path, bytes);
      // where the mark of the sum itself was hit it is a line of an earlier version, and its content as it was
      if (place >= end - 18 && place < end - 9) {
        try {
          using store = new ItemStore(folder, { readOnly: true });
          assertEquals({ ...store.answer("b"), ...state("b", "b is 漢字") }, store.answer("b"));
          sumless++;
          continue;
        } catch { /* or it is no JSON any more */ }
      }
      const { message } = assertThrows(() => new ItemStore(folder), RangeError);
      assert(message.startsWith(`Cannot read ${path}:2 (at byte ${start}) as a line of a run: `), message);
      assert(
        message.endsWith("restore the file, or remove that line: its step is done again, the others stay"),
        message,
      );
    }
    assert(sumless < 6, `${sumless}`);
    Deno.writeTextFileSync(path, [lines[0], ...lines.slice(2)].join("\n"));
    {
      using store = new ItemStore(folder);
      assertEquals(["a", "b", "c"].map((id) => store.has("generate", id, "a1")), [true, false, true]);
    }
    for (const other of ["[]", "null", "1", '"text"', "{}", '{"a":1}']) {
      Deno.writeTextFileSync(path, `${other}\n`);
      assertThrows(
        () => new ItemStore(folder),
        RangeError,
        `${path}:1 (at byte 0) as a line of a run: stage, id or key is missing`,
      );
    }
    Deno.writeTextFileSync(path, JSON.stringify(state("a", "of an earlier version")) + "\n");
    using store = new ItemStore(folder);
    assertEquals(store.answer("a")?.completion.text, "of an earlier version");
  });
});

Deno.test("ItemStore takes less than 130 bytes an item in memory, however long its answers", async () => {
  const directory = await Deno.makeTempDir();
  const script = fileURLToPath(new URL("./_store_process.ts", import.meta.url));
  try {
    for (const mode of ["write", "open"]) {
      const words = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", script, directory, mode];
      const { stdout, stderr } = await runDeno(words);
      assertEquals(stderr, "");
      // by hand: 12 bytes of hash, 8 to 16 of the table and 2 · 20 of places, each up to twice as much as is in use
      const bytes = Number(stdout);
      assert(bytes > 40 && bytes < 130, `${mode}: ${bytes}`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
