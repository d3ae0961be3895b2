import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";

import { openModel } from "../hf_model/mod.ts";
import { COMMIT, FakeHub, type Faults } from "../../tests/helpers/fake_hub.ts";
import type { HubLimits } from "./guarded_fetch.ts";
import { type DownloadProgress, resolveModel, type ResolveOptions } from "./mod.ts";

const MODEL = new URL("../../fixtures/goldens/tiny/qwen2/model-sharded/", import.meta.url);
const NAME = "tiny/qwen2";

function modelFiles(): Map<string, Uint8Array> {
  const files = new Map(
    [...Deno.readDirSync(MODEL)].map(({ name }) => [name, Deno.readFileSync(new URL(name, MODEL))]),
  );
  const text = (content: string) => new TextEncoder().encode(content);
  files.set("chat_template.jinja", text("{{ messages }}"));
  files.set("pytorch_model.bin", text("never"));
  files.set("consolidated.safetensors", text("never"));
  files.set("README.md", text("never"));
  files.set("onnx/model.onnx", text("never"));
  return files;
}

const NEEDED = [
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model-00001-of-00003.safetensors",
  "model-00002-of-00003.safetensors",
  "model-00003-of-00003.safetensors",
  "model.safetensors.index.json",
];
const SHARD = "model-00002-of-00003.safetensors";

async function withHub(
  faults: Faults,
  fn: (hub: FakeHub, options: ResolveOptions, cacheDir: string) => Promise<void>,
): Promise<void> {
  const cacheDir = Deno.makeTempDirSync();
  await using hub = new FakeHub(modelFiles(), faults);
  try {
    await fn(hub, { endpoint: hub.endpoint, cacheDir, retryDelay: 1, attempts: 2, offline: false }, cacheDir);
  } finally {
    Deno.removeSync(cacheDir, { recursive: true });
  }
}

const names = (path: string) => [...Deno.readDirSync(path)].map((entry) => entry.name).sort();

function assertWhole(path: string): void {
  assertEquals(names(path), NEEDED);
  const files = modelFiles();
  for (const name of NEEDED) assertEquals(Deno.readFileSync(join(path, name)), files.get(name), name);
}

Deno.test("resolveModel() gives a path that exists back as it is", async () => {
  assertEquals(await resolveModel("."), ".");
});

Deno.test("resolveModel() downloads what is needed into the shared cache layout, once, and openModel() opens it", () =>
  withHub({}, async (hub, options, cacheDir) => {
    const seen: DownloadProgress[] = [];
    const path = await resolveModel(NAME, { ...options, onProgress: (progress) => seen.push(progress) });
    const root = join(cacheDir, "models--tiny--qwen2");
    assertEquals(path, join(root, "snapshots", COMMIT));
    assertWhole(path);
    assertEquals(Deno.readTextFileSync(join(root, "refs", "main")), COMMIT);
    assertEquals(hub.log.toSorted(), NEEDED);
    assert(names(join(root, "blobs")).every((name) => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(name)));
    if (Deno.build.os !== "windows") {
      assertStringIncludes(Deno.readLinkSync(join(path, "config.json")), join("..", "..", "blobs"));
    }
    const last = seen.at(-1)!;
    assertEquals([last.index, last.count, last.received], [7, 7, last.total]);
    assertEquals(last.total, NEEDED.reduce((sum, name) => sum + modelFiles().get(name)!.length, 0));
    for (let i = 1; i < seen.length; i++) assert(seen[i]!.received >= seen[i - 1]!.received);

    assertEquals(await resolveModel(NAME, options), path);
    assertEquals(hub.log.length, NEEDED.length, "nothing is fetched twice");
    const model = await openModel(NAME, options);
    assertEquals([model.nameOrPath, model.path, model.weights.names().length], [NAME, path, 26]);
    model.weights.close();
    assertEquals(
      await resolveModel(NAME, { ...options, endpoint: "http://127.0.0.1:1", offline: true }),
      path,
    );
  }));

Deno.test("a snapshot whose files are second names of blobs, as where links aren't allowed, has just these files after each call", () =>
  withHub({}, async (_, options) => {
    const { symlinkSync } = Deno;
    Deno.symlinkSync = () => {
      throw new Deno.errors.NotCapable("links");
    };
    try {
      for (let call = 0; call < 2; call++) assertWhole(await resolveModel(NAME, options));
    } finally {
      Deno.symlinkSync = symlinkSync;
    }
  }));

Deno.test("a broken connection is continued within a call", () =>
  withHub({ breakAfter: { [SHARD]: 10_000 } }, async (hub, options) => {
    assertWhole(await resolveModel(NAME, options));
    assertEquals(hub.log.filter((line) => line.startsWith(SHARD)), [SHARD, `${SHARD} bytes=10000-`]);
  }));

Deno.test("an interrupted download is continued by the next call", () =>
  withHub({ breakAlways: { [SHARD]: 7000 } }, async (hub, options, cacheDir) => {
    const once = { ...options, attempts: 1 };
    const error = await assertRejects(
      () => resolveModel(NAME, once),
      Error,
      "the connection broke after 7000 of ",
    );
    assertStringIncludes(error.message, "Run again to continue");
    const blobs = join(cacheDir, "models--tiny--qwen2", "blobs");
    assertEquals(names(blobs).filter((name) => name.endsWith(".incomplete")).length, 1);
    assertEquals(names(join(cacheDir, "models--tiny--qwen2", "snapshots", COMMIT)), [], "no half snapshot");
    await using well = new FakeHub(modelFiles());
    assertWhole(await resolveModel(NAME, { ...once, endpoint: well.endpoint }));
    assertEquals(well.log[0], `${SHARD} bytes=7000-`);
    assertEquals(hub.log.filter((line) => line.startsWith(SHARD)).length, 1);
    assertEquals(names(blobs).filter((name) => name.endsWith(".incomplete")), []);
  }));

Deno.test("a server that ignores ranges sends all again, and the result is whole", () =>
  withHub({ breakAfter: { [SHARD]: 5000 }, ignoreRanges: true }, async (_, options) => {
    assertWhole(await resolveModel(NAME, options));
  }));

Deno.test("a connection that never gets on is given up", () =>
  withHub({ breakAlways: { [SHARD]: 0 } }, async (hub, options) => {
    await assertRejects(() => resolveModel(NAME, options), Error, "the connection broke after 0 of ");
    assertEquals(hub.log.filter((line) => line.startsWith(SHARD)).length, 2);
  }));

for (const name of [SHARD, "config.json"]) {
  Deno.test(`a corrupted ${name} is refused and removed, and the next call downloads it again`, () =>
    withHub({ corrupt: [name] }, async (_, options, cacheDir) => {
      await assertRejects(() => resolveModel(NAME, options), Error, `Cannot use the download of ${name}`);
      const blobs = join(cacheDir, "models--tiny--qwen2", "blobs");
      assertEquals(names(blobs).filter((blob) => blob.endsWith(".incomplete")), []);
      await using well = new FakeHub(modelFiles());
      assertWhole(await resolveModel(NAME, { ...options, endpoint: well.endpoint }));
    }));
}

Deno.test("two calls at once fetch each file once", () =>
  withHub({}, async (hub, options) => {
    const paths = await Promise.all([resolveModel(NAME, options), resolveModel(NAME, options)]);
    assertEquals(paths[0], paths[1]);
    assertWhole(paths[0]);
    assertEquals(hub.log.toSorted(), NEEDED);
  }));

Deno.test("a token is sent, its refusal explained, and it's never in a message", () =>
  withHub({ token: "hf_secret" }, async (hub, options) => {
    const none = { ...options, token: "" };
    await assertRejects(() => resolveModel(NAME, none), RangeError, "set the environment variable HF_TOKEN");
    const wrong = { ...options, token: "hf_wrong" };
    const error = await assertRejects(() => resolveModel(NAME, wrong), RangeError, "use another token");
    assert(!error.message.includes("hf_wrong") && !String(error.cause).includes("hf_wrong"));
    assertWhole(await resolveModel(NAME, { ...options, token: "hf_secret" }));
    assertEquals(hub.authorizations, new Set([null, "Bearer hf_wrong", "Bearer hf_secret"]));
  }));

Deno.test("HF_ENDPOINT, HF_HOME and HF_TOKEN are honoured, and another process's download is continued", () =>
  withHub({ token: "hf_secret", breakAlways: { [SHARD]: 7000 } }, async (hub, _, cacheDir) => {
    const module = new URL("./mod.ts", import.meta.url).href;
    const code = `import { resolveModel } from ${JSON.stringify(module)};
      try { console.log(await resolveModel("${NAME}", { attempts: 1 })); } catch (e) { console.log(e.message); }`;
    const run = async (endpoint: string) => {
      const env = {
        HF_ENDPOINT: `${endpoint}/`,
        HF_HOME: cacheDir,
        HF_TOKEN: "hf_secret",
        HF_HUB_OFFLINE: "0",
      };
      const command = new Deno.Command(Deno.execPath(), {
        args: ["eval", "--config", fileURLToPath(new URL("../../deno.json", import.meta.url)), code],
        env: { ...env, NO_COLOR: "1" },
      });
      const { stdout, stderr } = await command.output();
      return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
    };
    assertStringIncludes(await run(hub.endpoint), "the connection broke after 7000 of ");
    await using well = new FakeHub(modelFiles(), { token: "hf_secret" });
    const path = join(cacheDir, "hub", "models--tiny--qwen2", "snapshots", COMMIT);
    assertEquals(await run(well.endpoint), path);
    assertWhole(path);
    assertEquals(well.log[0], `${SHARD} bytes=7000-`);
  }));

Deno.test("unknown models, unreachable hubs and repositories without safetensors are explained", () =>
  withHub({}, async (_, options, cacheDir) => {
    await assertRejects(() => resolveModel("tiny/qwen3", options), RangeError, "there is no such model");
    await assertRejects(() => resolveModel("tiny/qwen3", options), RangeError, "nor a directory tiny/qwen3");
    await assertRejects(
      () => resolveModel(NAME, { ...options, revision: "v9" }),
      RangeError,
      "the revision v9",
    );
    await assertRejects(
      () => resolveModel(NAME, { ...options, revision: "../x" }),
      RangeError,
      '"../x" as a revision',
    );
    await assertRejects(
      () => resolveModel("./tiny/qwen2", options),
      RangeError,
      "there is no file or directory",
    );
    // a revision behind the name wins over the one beside it
    for (const name of [`${NAME}@v9`, `${NAME}@refs/pr/9`]) {
      await assertRejects(
        () => resolveModel(name, { ...options, revision: "main" }),
        RangeError,
        `the revision ${name.slice(NAME.length + 1)}`,
      );
    }
    for (const wrong of ["@../x", "@", "@a@b"]) {
      await assertRejects(() => resolveModel(NAME + wrong, options), RangeError, "as a revision of");
    }
    await assertRejects(() => resolveModel(`./${NAME}@v9`, options), RangeError, "owner/name@revision");
    const gone = { ...options, endpoint: "http://127.0.0.1:1" };
    await assertRejects(() => resolveModel(NAME, gone), Error, "it can't be reached");
    await assertRejects(
      () => resolveModel(NAME, { ...options, offline: true }),
      RangeError,
      "HF_HUB_OFFLINE forbids",
    );
    assertWhole(await resolveModel(`${NAME}@main`, { ...options, revision: "v9" }));
    await assertRejects(() => resolveModel(NAME, gone), Error, "set HF_HUB_OFFLINE=1 to use it");
    const files = new Map([["config.json", new Uint8Array(2)], ["pytorch_model.bin", new Uint8Array(2)]]);
    await using bare = new FakeHub(files);
    const other = { ...options, cacheDir: join(cacheDir, "other"), endpoint: bare.endpoint };
    await assertRejects(() => resolveModel(NAME, other), RangeError, "only pytorch_model.bin");
  }));

Deno.test("resolveModel() brings an adapter without the weights of a whole model, says what is missing, and finds it again offline", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  const files = new Map(
    ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "model.safetensors"].map(
      (name) => [name, text(name)],
    ),
  );
  const cacheDir = Deno.makeTempDirSync();
  try {
    await using hub = new FakeHub(files);
    const options = { endpoint: hub.endpoint, cacheDir, retryDelay: 1, attempts: 2, offline: false };
    const path = await resolveModel(NAME, options, "adapter");
    assertEquals(names(path), ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"]);
    assertEquals(await resolveModel(NAME, { ...options, offline: true }, "adapter"), path);
    await assertRejects(
      () => resolveModel("tiny/other", options, "adapter"),
      RangeError,
      "there is no such adapter",
    );
    await assertRejects(
      () => resolveModel("tiny/other", { ...options, offline: true }, "adapter"),
      RangeError,
      "Cannot find the adapter tiny/other",
    );
    await using bare = new FakeHub(new Map([["adapter_model.bin", new Uint8Array(2)]]));
    const other = { ...options, cacheDir: join(cacheDir, "other"), endpoint: bare.endpoint };
    await assertRejects(
      () => resolveModel(NAME, other, "adapter"),
      RangeError,
      "no adapter_model.safetensors, only adapter_model.bin",
    );
  } finally {
    Deno.removeSync(cacheDir, { recursive: true });
  }
});

Deno.test("the token goes to the hub's origin only: not to where a redirect or a Link leads", async () => {
  await using cdn = new FakeHub(modelFiles());
  const redirects = {
    token: "hf_secret",
    answer({ pathname, search, port }: URL): Response | undefined {
      const there = `${cdn.endpoint}${pathname}${search}`;
      if (pathname.includes("/resolve/")) return Response.redirect(there, 302);
      if (!pathname.includes("/tree/") || port === new URL(cdn.endpoint).port) return undefined;
      // one file of its own, the others on a page of another origin
      return new Response(file({ path: "notes.md" }), {
        headers: { link: `<${there}>; rel="next"` },
      });
    },
  };
  await withHub(redirects, async (hub, options) => {
    assertWhole(await resolveModel(NAME, { ...options, token: "hf_secret" }));
    assertEquals(hub.authorizations, new Set(["Bearer hf_secret"]));
    assertEquals(cdn.authorizations, new Set([null]));
    assert(cdn.log.includes("config.json"), "downloads came from there");
  });
});

Deno.test("a redirect within the hub keeps the token, one that goes round ends", () =>
  withHub({
    token: "hf_secret",
    answer: ({ pathname, origin }) =>
      pathname.startsWith("/api/") && !pathname.startsWith("/api/models/tiny")
        ? undefined
        : pathname === `/api/models/${NAME}/revision/main`
        ? Response.redirect(`${origin}/api/models/tiny/round`, 307)
        : pathname === "/api/models/tiny/round"
        ? Response.redirect(`${origin}/api/models/tiny/round`, 307)
        : undefined,
  }, async (hub, options) => {
    await assertRejects(
      () => resolveModel(NAME, { ...options, token: "hf_secret" }),
      Error,
      "more than 10 redirects",
    );
    assertEquals(hub.authorizations, new Set(["Bearer hf_secret"]));
  }));

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
const file = (more: Record<string, unknown>) =>
  JSON.stringify([{ type: "file", path: "config.json", size: 2, oid: "0".repeat(40), ...more }]);

const BROKEN: [string, (url: URL) => Response | BodyInit, string][] = [
  ["pages without end", (url) => pageOf(file({}), url), "list of files doesn't end: 100 pages"],
  ["empty pages without end", (url) => pageOf("[]", url), "page 2 is empty and names another"],
  [
    "pages of the same file",
    ({ origin, pathname, searchParams }) => {
      const next = Number(searchParams.get("page") ?? 0) + 1;
      return new Response(file({}), { headers: { link: `<${origin}${pathname}?page=${next}>; rel="next"` } });
    },
    `doesn't end: "config.json" is there twice`,
  ],
  ["slow pages without end", (url) => {
    const next = Number(url.searchParams.get("page") ?? 0) + 1;
    const body = new ReadableStream({
      async start(to) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        to.enqueue(new TextEncoder().encode(file({ path: `${next}.json` })));
        to.close();
      },
    });
    return new Response(body, {
      headers: { link: `<${url.origin}${url.pathname}?page=${next}>; rel="next"` },
    });
  }, "the hub's answers took longer than 0.2 s"],
  [
    "a page that names itself",
    (url) => new Response(file({}), { headers: { link: `<${url.href}>; rel="next"` } }),
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
  ["a size that is a text", () => file({ size: "12" }), 'gives "12" as the size of config.json'],
  ["a size that is no number", () => file({ size: null }), "gives null as the size"],
  ["a negative size", () => file({ size: -1 }), "gives -1 as the size"],
  ["a fraction of bytes", () => file({ lfs: { oid: "0".repeat(64), size: 1.5 } }), "gives 1.5 as the size"],
  ["an infinite size", () => file({}).replace('"size":2', '"size":1e999'), "gives Infinity as the size"],
  ["a hash that is a number", () => file({ oid: 5 }), "no hash for config.json"],
  ["a name that is a number", () => file({ path: 7 }), "names a file 7"],
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
            file({ size: 12_000, path }).slice(1, -1)
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

Deno.test("an address of a hub that is none is refused, its user part hidden", async () => {
  const error = await assertRejects(
    () => resolveModel(NAME, { endpoint: "ftp://me:s3cr3t@host", offline: false }),
    RangeError,
    "must begin with http",
  );
  assert(!error.message.includes("s3cr3t"), error.message);
  const gone = await assertRejects(
    () => resolveModel(NAME, { endpoint: "http://me:s3cr3t@127.0.0.1:1", offline: false }),
    Error,
    "can't be reached",
  );
  assert(!gone.message.includes("s3cr3t"), gone.message);
});
