import { assertRejects, assertStringIncludes } from "@std/assert";
import type { HubLimits } from "./guarded_fetch.ts";
import { resolveModel } from "./mod.ts";
import { fileList, NAME, SHARD, withHub } from "./_model_hub.ts";

/** A reply to the request for the list of files. */
const listing = (reply: (url: URL) => Response | BodyInit) => (url: URL): Response | undefined => {
  if (!url.pathname.includes("/tree/")) return undefined;
  const given = reply(url);
  return given instanceof Response
    ? given
    : new Response(given, { headers: { "content-type": "application/json" } });
};
/** A body that comes in pieces of `bytes` bytes, one every `ms` milliseconds; `count` of them, or without end. */
const dripping = (bytes: number, ms: number, count = Infinity) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(to) {
      if (count-- <= 0) return to.close();
      await new Promise((resolve) => setTimeout(resolve, ms));
      to.enqueue(new Uint8Array(bytes).fill(32));
    },
  }, { highWaterMark: 0 });
/** A page that leads to another one. */
const pageOf = (files: string, { searchParams, origin, pathname }: URL) => {
  const next = Number(searchParams.get("page") ?? 0) + 1;
  return new Response(files.replace("config.json", `${next}.json`), {
    headers: { link: `<${origin}${pathname}?page=${next}>; rel="next"` },
  });
};

const BROKEN: [string, (url: URL) => Response | BodyInit, string][] = [
  ["pages without end", (url) => pageOf(fileList({}), url), "list of files doesn't end: 100 pages"],
  ["empty pages without end", (url) => pageOf("[]", url), "page 2 is empty and names another"],
  [
    "pages of the same file",
    ({ origin, pathname, searchParams }) => {
      const next = Number(searchParams.get("page") ?? 0) + 1;
      return new Response(fileList({}), {
        headers: { link: `<${origin}${pathname}?page=${next}>; rel="next"` },
      });
    },
    `doesn't end: "config.json" is there twice`,
  ],
  ["slow pages without end", (url) => {
    const next = Number(url.searchParams.get("page") ?? 0) + 1;
    const body = new ReadableStream({
      async start(to) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        to.enqueue(new TextEncoder().encode(fileList({ path: `${next}.json` })));
        to.close();
      },
    });
    return new Response(body, {
      headers: { link: `<${url.origin}${url.pathname}?page=${next}>; rel="next"` },
    });
  }, "the hub's answers took longer than 0.2 s"],
  [
    "a page that names itself",
    (url) => new Response(fileList({}), { headers: { link: `<${url.href}>; rel="next"` } }),
    "list of files doesn't end: 2 pages",
  ],
  [
    "a body without end",
    () => new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1 << 20).fill(32)) }),
    "longer than 16777216 bytes",
  ],
  [
    "no answer",
    () => new ReadableStream({ pull: () => new Promise(() => {}) }),
    "doesn't answer, or too slowly: nothing has arrived for 0.5 s",
  ],
  [
    "a list that drips",
    () => dripping(1, 20),
    "too slowly: fewer than 1000 bytes arrived in 0.3 s",
  ],
  ["a size that is a text", () => fileList({ size: "12" }), 'gives "12" as the size of config.json'],
  ["a size that is no number", () => fileList({ size: null }), "gives null as the size"],
  ["a negative size", () => fileList({ size: -1 }), "gives -1 as the size"],
  [
    "a fraction of bytes",
    () => fileList({ lfs: { oid: "0".repeat(64), size: 1.5 } }),
    "gives 1.5 as the size",
  ],
  ["an infinite size", () => fileList({}).replace('"size":2', '"size":1e999'), "gives Infinity as the size"],
  ["a hash that is a number", () => fileList({ oid: 5 }), "no hash for config.json"],
  ["a name that is a number", () => fileList({ path: 7 }), "names a file 7"],
  ["an object for a list", () => "{}", "another shape"],
  ["a list of numbers", () => "[1]", "another shape"],
  ["null", () => "null", "another shape"],
  ["a page of HTML", () => "<html>", "isn't JSON"],
];
const LIMITS: Record<string, Partial<HubLimits>> = {
  "no answer": { apiIdleTime: 500 },
  "a list that drips": { apiDripTime: 300 },
  "slow pages without end": { apiTotalTime: 200 },
};
for (const [what, reply, message] of BROKEN) {
  Deno.test(`a hub that answers with ${what} is an error at once`, () =>
    withHub({ answer: listing(reply) }, async (_, options) => {
      const error = await assertRejects(
        () => resolveModel(NAME, { ...options, limits: LIMITS[what] ?? {} }),
        Error,
        "Cannot download the model tiny/qwen2 from ",
      );
      assertStringIncludes(error.message, message);
    }));
}

Deno.test("a file that stops arriving is given up", () =>
  withHub({
    answer: ({ pathname }) =>
      pathname.endsWith(SHARD)
        ? new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))
        : undefined,
  }, async (_, options) => {
    const once = { ...options, attempts: 1, limits: { idleTime: 200 } };
    await assertRejects(() => resolveModel(NAME, once), Error, "nothing has arrived for 0.2 s");
  }));

Deno.test("a file that drips is given up at once, however many attempts there are; one on a slow link arrives", async () => {
  const answer = (body: () => BodyInit) => ({ pathname }: URL) =>
    pathname.includes("/tree/")
      ? new Response(
        `[${
          ["config.json", "model.safetensors", "tokenizer.json"].map((path) =>
            fileList({ size: 12_000, path }).slice(1, -1)
          )
        }]`,
      )
      : pathname.includes("/resolve/")
      ? new Response(body())
      : undefined;
  await withHub({ answer: answer(() => dripping(10, 20)) }, async (_, options) => {
    const patient = { ...options, attempts: 1000, limits: { fileDripTime: 300 } };
    await assertRejects(() => resolveModel(NAME, patient), Error, "fewer than 1000 bytes arrived in 0.3 s");
  });
  // what arrives isn't what was announced: it was read to its end, which takes longer than 1,000 bytes may
  const told = async (ms: number) => {
    let message = "";
    await withHub({ answer: answer(() => dripping(1000, ms, 12)) }, async (_, options) => {
      const slow = { ...options, attempts: 1, limits: { fileDripTime: 10 * ms } };
      message = await resolveModel(NAME, slow).then(() => "arrived", (error: Error) => error.message);
    });
    return message;
  };
  let message = await told(100);
  // a machine that stands still for a second looks like a hub that does: the same ten and a hundred times as slowly
  for (const longer of [1000, 10_000]) {
    if (message.includes("fewer than 1000 bytes")) message = await told(longer);
  }
  assertStringIncludes(message, "it has 12000 bytes and git-sha1");
});
