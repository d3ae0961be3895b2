import { assertEquals, assertMatch, assertRejects } from "@std/assert";

import { until, within } from "../../../tests/helpers/until.ts";
import { unreadable } from "./unreadable.ts";
import { listen, type Listener, type Listening } from "./listen.ts";

/** Listens at a free port; nothing goes wrong. */
function open(
  fetch: Listener["fetch"],
  { port = 0, ...others }: Partial<Listener> & { port?: number } = {},
): Promise<Listening> {
  const listener: Listener = {
    fetch,
    unreadable: (status) => new Response(null, { status }),
    fault: (error) => {
      throw error;
    },
    ...others,
  };
  return listen(listener, "127.0.0.1", port);
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** A server whose answers only end when their client has left; "" if one stays without news of it. */
async function leavingClients(sizes: readonly number[], gaps: readonly boolean[]): Promise<string[]> {
  const asked = new Map<string, PromiseWithResolvers<void>>(), left: string[] = [];
  const late = Promise.withResolvers<void>(), timer = setTimeout(late.resolve, 180_000);
  const news = Promise.withResolvers<void>();
  const names = sizes.flatMap((size) =>
    gaps.map((gap) => [`/${size}${gap ? "-in-two" : ""}`, size, gap] as const)
  );
  const listening = await open(
    async (request) => {
      const name = new URL(request.url).pathname;
      await request.arrayBuffer();
      const { promise, resolve } = Promise.withResolvers<void>();
      request.signal.addEventListener("abort", () => resolve());
      asked.get(name)?.resolve();
      await Promise.race([promise.then(() => left.push(name)), late.promise]);
      if (left.length === names.length) news.resolve();
      return new Response();
    },
  );
  await Promise.all(names.map(async ([name, size, gap]) => {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
    const has = Promise.withResolvers<void>();
    asked.set(name, has);
    const head = bytes(`POST ${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`);
    const body = bytes("a".repeat(size));
    for (const piece of gap ? [head, body] : [new Uint8Array([...head, ...body])]) await client.write(piece);
    await has.promise;
  }));
  await Promise.race([news.promise, late.promise]);
  clearTimeout(timer);
  late.resolve();
  listening.cut();
  await listening.close();
  return left.sort();
}

Deno.test("a request learns that its client has left, however long it is and in however many pieces it came", async () => {
  assertEquals(await leavingClients([3, 1000, 50_000], [false, true]), [
    "/1000",
    "/1000-in-two",
    "/3",
    "/3-in-two",
    "/50000",
    "/50000-in-two",
  ]);
});

Deno.test("a request that is answered isn't told that its client left, and its connection serves the next one", async () => {
  const asked: string[] = [], signals: AbortSignal[] = [];
  // the routes that refuse don't read what they refuse
  const listening = await open(
    async ({ url, signal }) => {
      asked.push(new URL(url).pathname);
      signals.push(signal);
      if (url.endsWith("soon")) await Promise.resolve();
      if (url.endsWith("late")) await new Promise((resolve) => setTimeout(resolve, 20));
      return Response.json({});
    },
  );
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
  const read = client.readable.pipeThrough(new TextDecoderStream()).getReader();
  const names = [2000, 200_000].flatMap((size) =>
    ["at-once", "soon", "late"].map((when) => ({ size, when }))
  );
  for (const { size, when } of names) {
    const request = bytes(
      `POST /${size}/${when} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n${
        "a".repeat(size)
      }`,
    );
    for (let at = 0; at < request.length;) at += await client.write(request.subarray(at));
    let reply = "";
    while (!reply.endsWith("{}")) {
      const { value, done } = await read.read();
      if (done) throw new Error(`the connection was closed behind ${JSON.stringify(reply)}`);
      reply += value;
    }
    assertEquals(reply.split("\r\n")[0], "HTTP/1.1 200 OK");
  }
  assertEquals(asked, names.map(({ size, when }) => `/${size}/${when}`));
  assertEquals(signals.filter(({ aborted }) => aborted), []);
  listening.cut();
  await listening.close();
});

Deno.test("a port that is taken is an error that says so", async () => {
  const first = await open(() => new Response());
  await assertRejects(
    () => open(() => new Response(), { port: first.port }),
    RangeError,
    `Cannot listen at 127.0.0.1:${first.port} as something else does`,
  );
  await first.close();
});

Deno.test("a request's head may have 64 kB, for long names and keys of those in front", async () => {
  const listening = await open(() => new Response("taken"));
  const status = async (length: number) => {
    const reply = await fetch(`http://127.0.0.1:${listening.port}`, {
      headers: { "x-note": "a".repeat(length) },
    });
    await reply.body?.cancel();
    return reply.status;
  };
  assertEquals([await status(50_000), await status(100_000)], [200, 431]);
  listening.cut();
  await listening.close();
});

Deno.test("a connection that hasn't asked anything keeps no server open, and an answer under way is finished", async () => {
  const held = Promise.withResolvers<void>(), asked = Promise.withResolvers<void>();
  const listening = await open(
    async () => {
      asked.resolve();
      await held.promise;
      return new Response("whole");
    },
  );
  // browsers open connections before they need them
  using _silent = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
  const reply = fetch(`http://127.0.0.1:${listening.port}/`).then((found) => found.text());
  await asked.promise;
  const closed = listening.close();
  held.resolve();
  assertEquals(await reply, "whole");
  await within("the end of a server with a silent connection", closed, { patience: 30_000 });
  listening.cut();
});

Deno.test("a request behind a large one that was refused unread has its whole reply, however long it takes", async () => {
  const listening = await open(
    async (request) => {
      if (request.method === "POST") return new Response("no", { status: request.body === null ? 400 : 413 });
      // longer than the rest of a body may take to come
      await new Promise((resolve) => setTimeout(resolve, 1200));
      return new Response("the answer");
    },
  );
  try {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
    const asked =
      `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n${"a".repeat(300_000)}` +
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const sent = (async () => {
      const writer = client.writable.getWriter();
      await writer.write(bytes(asked));
    })();
    const replies = await within("two replies", new Response(client.readable).text());
    await sent;
    assertEquals(replies.match(/HTTP\/1\.1 \d+|the answer/g), ["HTTP/1.1 413", "HTTP/1.1 200", "the answer"]);
  } finally {
    listening.cut();
    await listening.close();
  }
});

/** What a server with these replies says to bytes, until it ends the connection. */
async function saidTo(text: string, listening: Listening): Promise<string> {
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
  const sent = (async () => {
    for (let at = 0; at < text.length;) at += await client.write(bytes(text.slice(at)));
  })();
  const said = await within("a reply", new Response(client.readable).text());
  await sent;
  return said;
}

Deno.test("what is no request has an error with an id, a line of the log and a count", async () => {
  const lines: string[] = [], counted: [string, number][] = [];
  const metrics = { replied: (path: string, status: number) => counted.push([path, status]) };
  const listening = await open(async (request) => {
    await request.text();
    return new Response("taken");
  }, {
    unreadable: unreadable(metrics, (line) => lines.push(line)),
  });
  try {
    const long = `GET / HTTP/1.1\r\nHost: localhost\r\nx-note: ${"a".repeat(300_000)}\r\n\r\n`;
    for (
      const [asked, status, code] of [[long, 431, "head_too_large"], ["no words\r\n\r\n", 400, "not_http"]]
    ) {
      const [head = "", body = ""] = (await saidTo(`${asked}`, listening)).split("\r\n\r\n");
      const { error } = JSON.parse(body);
      assertEquals([head.split(" ")[1], error.code, error.param], [String(status), code, null]);
      const [, id] = /^x-request-id: (req_\w+)\r?$/m.exec(head) ?? [];
      assertMatch(head, new RegExp(`^request-id: ${id}\\r?$`, "m"));
      assertMatch(lines.pop() ?? "", new RegExp(`^\\S+ - other ${status} 0 ms ${id}$`));
      assertEquals(counted.pop(), ["other", status]);
    }
    // what comes behind a request is no part of its reply
    const next = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nno words\r\n\r\n";
    assertEquals((await saidTo(next, listening)).match(/HTTP\/1\.1 \d+|taken/g), ["HTTP/1.1 200", "taken"]);
    // a body that can't be read is told, whether it came at once or in pieces
    const post = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const asked of [`${post}no size\r\n`, `${post}5\r\nabcde\r\nno size\r\n`, `${post}2\r\nabcde`]) {
      const [head = "", body = ""] = (await saidTo(asked, listening)).split("\r\n\r\n");
      assertMatch(head, /^HTTP\/1\.1 400 /);
      const { error } = JSON.parse(body);
      assertEquals(error.code, "not_http");
      assertMatch(error.message, /its body doesn't come in chunks/);
      assertEquals(counted.pop(), ["other", 400]);
    }
  } finally {
    listening.cut();
    await listening.close();
  }
});

Deno.test("a body that can't be read isn't told within the reply to the request before it", async () => {
  const begun = Promise.withResolvers<void>(), end = Promise.withResolvers<void>();
  const listening = await open(async (request) => {
    if (request.method === "POST") return new Response(await request.text());
    begun.resolve();
    await end.promise;
    return new Response("first");
  });
  try {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
    await client.write(bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await within("the first request", begun.promise);
    await client.write(
      bytes("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"),
    );
    const said = await within("the end", new Response(client.readable).text().catch(() => ""));
    assertEquals(said, "", "only an end, as the first reply's place isn't the second's");
  } finally {
    end.resolve();
    listening.cut();
    await listening.close();
  }
});

Deno.test("what can't be read behind two requests in one piece cuts into neither's reply", async () => {
  const begun = Promise.withResolvers<void>(), end = Promise.withResolvers<void>();
  const listening = await open(async ({ url }) => {
    if (url.endsWith("first")) return new Response("first");
    begun.resolve();
    await end.promise;
    return new Response("second");
  });
  try {
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listening.port });
    const ask = (path: string) => `GET /${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await client.write(bytes(ask("first") + ask("second")));
    const read = client.readable.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    const more = async () => {
      const { value, done } = await within("a reply", read.read());
      said += value ?? "";
      return !done;
    };
    await until("the first reply", async () => !(await more()) || said.endsWith("first"), {
      said: () => said,
    });
    await begun.promise;
    await client.write(bytes("no words\r\n\r\n"));
    // long enough for it to be read
    setTimeout(end.resolve, 300);
    while (await more());
    assertEquals(said.match(/HTTP\/1\.1 \d+|first|second/g), [
      "HTTP/1.1 200",
      "first",
      "HTTP/1.1 200",
      "second",
    ]);
  } finally {
    end.resolve();
    listening.cut();
    await listening.close();
  }
});
