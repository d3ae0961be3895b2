import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "./worker_call.ts";

class OwnError extends Error {}

function worker(methods: string) {
  const module = new URL("./worker_call.ts", import.meta.url).href;
  const code = `import { serve } from ${JSON.stringify(module)};\n${methods}`;
  return connect(new URL(`data:text/javascript,${encodeURIComponent(code)}`), "test", [OwnError]);
}

Deno.test("call() gives the method's value, its events, and its error with the class that it has there", async () => {
  const connection = worker(`
    class OwnError extends Error { name = "OwnError" }
    serve({
      add: (_, a, b) => a + b,
      count: ({ emit }, n) => { for (let i = 0; i < n; i++) emit(i); return n },
      fail: () => { throw new RangeError("Cannot do it") },
      own: () => { throw new OwnError("mine") },
    });`);
  try {
    assertEquals(await connection.call("add", [2, 3]), 5);
    const events: unknown[] = [];
    assertEquals(await connection.call("count", [3], { onEvent: (event) => events.push(event) }), 3);
    assertEquals(events, [0, 1, 2]);
    await assertRejects(() => connection.call("fail", []), RangeError, "Cannot do it");
    await assertRejects(() => connection.call("own", []), OwnError, "mine");
    await assertRejects(() => connection.call("gone", []), TypeError, "no such method");
  } finally {
    connection.terminate();
  }
});

Deno.test("call() takes given arrays over from the Worker, and copies one that shares its memory", async () => {
  const module = new URL("./worker_call.ts", import.meta.url).href;
  const connection = worker(`
    import { GivenArrays } from ${JSON.stringify(module)};
    const own = Float32Array.of(1, 2), part = Float64Array.of(3, 4, 5).subarray(1);
    serve({ give: () => new GivenArrays({ own, part }), left: () => [own.length, part.length] });`);
  try {
    assertEquals(await connection.call("give", []), {
      own: Float32Array.of(1, 2),
      part: Float64Array.of(4, 5),
    });
    assertEquals(await connection.call("left", []), [0, 2]);
  } finally {
    connection.terminate();
  }
});

Deno.test("call() throws the signal's reason at once, and the Worker's method gets the signal", async () => {
  const connection = worker(`
    let stopped = false;
    serve({
      wait: ({ signal }) => new Promise((resolve) => signal.onabort = () => { stopped = true; resolve() }),
      stopped: () => stopped,
    });`);
  try {
    const controller = new AbortController();
    const waiting = connection.call("wait", [], { signal: controller.signal });
    controller.abort(new OwnError("enough"));
    await assertRejects(() => waiting, OwnError, "enough");
    assertEquals(await connection.call("stopped", []), true);
  } finally {
    connection.terminate();
  }
});

Deno.test("call() fails when the Worker stops, and every later call too", async () => {
  const connection = worker(
    `serve({ stop: () => new Promise(() => setTimeout(() => { throw new Error("boom") })) });`,
  );
  const error = await assertRejects(() => connection.call("stop", []), Error);
  assert(error.message.startsWith("Cannot continue: the Worker of the test stopped"), error.message);
  await assertRejects(() => connection.call("stop", []), Error, "the Worker of the test stopped");
  connection.terminate();
});

Deno.test("an event handler's error is thrown by its own call; other calls continue", async () => {
  const connection = worker(`serve({ tell: ({ emit }) => { emit(1); return 1 } });`);
  try {
    await assertRejects(
      () =>
        connection.call("tell", [], {
          onEvent: () => {
            throw new OwnError("mine");
          },
        }),
      OwnError,
      "mine",
    );
    assertEquals(await connection.call("tell", []), 1);
  } finally {
    connection.terminate();
  }
});
