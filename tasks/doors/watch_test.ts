import { assertEquals, assertMatch } from "@std/assert";

import { type SeenCalls, seenCalls } from "../../plugins/kinds/checked/calls.ts";
import { taskHere } from "../../tests/helpers/task_here.ts";
import { until, within } from "../../tests/helpers/until.ts";
import { Watch, type WatchClock } from "./watch.ts";

/** Short times, in the order of the real ones. */
const PATIENCE = { heard: 200, call: 1_000, waiting: 1_500, note: 800 };
/** Milliseconds between two looks. */
const STEP = 25;

/** A clock that stands until it is moved, so that what a machine is busy with takes no time. */
function movedClock() {
  let time = 0, timers: { due: number; every: number | null; call: () => void }[] = [];
  const add = (due: number, every: number | null, call: () => void) => {
    const timer = { due, every, call };
    timers.push(timer);
    return () => void (timers = timers.filter((one) => one !== timer));
  };
  const clock: WatchClock = {
    now: () => time,
    every: (ms, call) => add(time + ms, ms, call),
    after: (ms, call) => add(time + ms, null, call),
  };
  /** What is due by then is called, in order; what should have been called several times meanwhile once, as timers do. */
  const move = (ms: number) => {
    time += ms;
    for (const timer of timers.filter(({ due }) => due <= time).sort((a, b) => a.due - b.due)) {
      if (!timers.includes(timer)) continue;
      if (timer.every === null) timers = timers.filter((one) => one !== timer);
      else timer.due = time + timer.every;
      timer.call();
    }
  };
  return { clock, move };
}

/** What a task's thread has to do between two looks, where it isn't held. */
const GOES_ON: Record<string, keyof SeenCalls> = { rests: "beats", "calls often": "serial" };

/**
 * Output of a watch over a task that does this, until it is ended or, without that, for as long as any patience lasts.
 * @param stands Milliseconds for which the process is stopped behind the signals
 */
async function watched(
  does: string,
  signals: number,
  stands = 0,
): Promise<{ code: number | null; out: string }> {
  const worker = new Worker(new URL("./_watched_task.ts", import.meta.url), { type: "module" });
  let code: number | null = null;
  const over = new Int32Array(new SharedArrayBuffer(4));
  try {
    const { out } = await taskHere(async () => {
      const { clock, move } = movedClock();
      using watch = new Watch((given) => code = given, PATIENCE, clock);
      const calls = await told(worker) as SharedArrayBuffer;
      watch.look(calls);
      const begun = told(worker);
      worker.postMessage({ does, over });
      await begun;
      const passes = async (ms: number) => {
        const own = GOES_ON[does];
        for (let passed = 0; passed < ms && code === null; passed += STEP) {
          const before = own && seenCalls(calls)[own];
          if (own) await until(`${own} of a thread that ${does}`, () => seenCalls(calls)[own] !== before);
          move(STEP);
        }
      };
      await passes(100);
      for (let i = 0; i < signals; i++) {
        watch.signal();
        await passes(i + 1 < signals ? 550 : 0);
      }
      if (stands > 0) move(stands);
      await passes(2_000);
    });
    return { code, out };
  } finally {
    Atomics.store(over, 0, 1);
    worker.terminate();
  }
}

const told = (worker: Worker) =>
  within(
    "a word of a thread",
    new Promise<unknown>((resolve) =>
      worker.addEventListener("message", ({ data }) => resolve(data), { once: true })
    ),
  );

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
  assertMatch(twice.out, /judge\/mine of my\.ts doesn't give way: ended by the second signal/);
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

Deno.test("a task that gives way, or computes by itself, isn't ended behind one signal, and is behind two, those that it hears as one too", async () => {
  assertEquals(await watched("rests", 1), { code: null, out: "" });
  assertEquals(await watched("rests", 2), { code: 130, out: "" });
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

Deno.test("a process that was stopped for long goes on as if it hadn't been: that is no patience spent", async () => {
  assertEquals(await watched("rests", 1, 60_000), { code: null, out: "" });
  const loops = await watched("loops", 1, 60_000);
  assertMatch(
    loops.out,
    /^\nStopping: [^]*\nerror: Cannot finish .* hasn't given way for \d s, the signal came/,
  );
});
