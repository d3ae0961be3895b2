import { assertEquals, assertMatch } from "@std/assert";

import { taskHere } from "../../tests/helpers/task_here.ts";
import { Watch } from "./watch.ts";

/** Short times, in the order of the real ones. */
const PATIENCE = { heard: 200, call: 600, waiting: 1_000, note: 400 };

/** Output of a watch over a task that does this, until it is ended or, without that, for as long as any patience lasts. */
async function watched(does: string, signals: number): Promise<{ code: number | null; out: string }> {
  const worker = new Worker(new URL("./_watched_task.ts", import.meta.url), { type: "module" });
  let code: number | null = null;
  try {
    const { out } = await taskHere(async () => {
      const ended = Promise.withResolvers<void>();
      using watch = new Watch((given) => {
        code = given;
        ended.resolve();
      }, PATIENCE);
      watch.look(await told(worker) as SharedArrayBuffer);
      const begun = told(worker);
      worker.postMessage(does);
      await begun;
      await after(100);
      for (let i = 0; i < signals; i++) {
        watch.signal();
        await after(i + 1 < signals ? 550 : 0);
      }
      await Promise.race([ended.promise, after(1_500)]);
    });
    return { code, out };
  } finally {
    worker.terminate();
  }
}

const told = (worker: Worker) =>
  new Promise<unknown>((resolve) =>
    worker.addEventListener("message", ({ data }) => resolve(data), { once: true })
  );
const after = (ms: number) => new Promise((done) => setTimeout(done, ms));

Deno.test("a plugin's endless call is named and ended behind one signal, at once behind two", async () => {
  const once = await watched("loops", 1);
  assertEquals(once.code, 130, once.out);
  assertMatch(once.out, /Stopping: judge\/mine of my\.ts doesn't give way .*Ctrl-C again ends at once/);
  assertMatch(
    once.out,
    /error: Cannot finish what is under way as judge\/mine of my\.ts hasn't given way for \d+ s/,
  );
  const twice = await watched("loops", 2);
  assertEquals(twice.code, 130, twice.out);
  assertMatch(
    twice.out,
    /judge\/mine of my\.ts (doesn't give way: ended by the second signal|hasn't given way)/,
  );
});

Deno.test("code that a plugin goes on with after a wait is ended too; without a signal a plugin's call is only told", async () => {
  const late = await watched("goes on after a wait", 1);
  assertEquals(late.code, 130, late.out);
  assertMatch(late.out, /perhaps by judge\/late of late\.ts\) hasn't given way/);
  const alone = await watched("loops", 0);
  assertEquals(alone.code, null);
  assertMatch(
    alone.out,
    /^note: judge\/mine of my\.ts hasn't given way for \d+ s: .*Ctrl-C twice ends this\n$/,
  );
});

Deno.test("a task that gives way, or computes by itself, isn't ended behind one signal, and is behind two that it doesn't hear", async () => {
  assertEquals(await watched("rests", 2), { code: null, out: "" });
  for (const does of ["loops by itself", "calls often"]) {
    const once = await watched(does, 1);
    assertEquals(once.code, null, once.out);
    assertMatch(
      once.out,
      /^\nStopping: what is being computed doesn't give way and has to come to an end first\. Ctrl-C again/,
    );
    if (does === "calls often") continue;
    const twice = await watched(does, 2);
    assertEquals(twice.code, 130, twice.out);
  }
});
