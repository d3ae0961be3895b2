import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runDeno } from "../../tests/helpers/deno_process.ts";
import { openModel } from "../hf_model/mod.ts";
import { COMMIT, FakeHub } from "../../tests/helpers/fake_hub.ts";
import { type DownloadProgress, resolveModel } from "./mod.ts";
import { assertWhole, entryNames, modelFiles, NAME, NEEDED, SHARD, withHub } from "./_model_hub.ts";

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
    assert(entryNames(join(root, "blobs")).every((name) => /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(name)));
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
    assertEquals(entryNames(blobs).filter((name) => name.endsWith(".incomplete")).length, 1);
    assertEquals(
      entryNames(join(cacheDir, "models--tiny--qwen2", "snapshots", COMMIT)),
      [],
      "no half snapshot",
    );
    await using well = new FakeHub(modelFiles());
    assertWhole(await resolveModel(NAME, { ...once, endpoint: well.endpoint }));
    assertEquals(well.log[0], `${SHARD} bytes=7000-`);
    assertEquals(hub.log.filter((line) => line.startsWith(SHARD)).length, 1);
    assertEquals(entryNames(blobs).filter((name) => name.endsWith(".incomplete")), []);
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
      assertEquals(entryNames(blobs).filter((blob) => blob.endsWith(".incomplete")), []);
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
      const { stdout, stderr } = await runDeno(["eval", code], { env });
      return stdout.trim() || stderr;
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
    [
      ...["adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "model.safetensors"],
      // of a reward model
      "value_head.safetensors",
    ].map((name) => [name, text(name)]),
  );
  const cacheDir = Deno.makeTempDirSync();
  try {
    await using hub = new FakeHub(files);
    const options = { endpoint: hub.endpoint, cacheDir, retryDelay: 1, attempts: 2, offline: false };
    const path = await resolveModel(NAME, options, "adapter");
    assertEquals(entryNames(path), [
      ...["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"],
      "value_head.safetensors",
    ]);
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
    // older reward models have a pickle instead: it comes too, so that reading the folder refuses it
    const older = new Map([...files].filter(([name]) => name !== "value_head.safetensors"));
    for (const [all, head] of [[older, "value_head.bin"], [files, "value_head.safetensors"]] as const) {
      await using pickled = new FakeHub(new Map([...all, ["value_head.bin", text("pickle")]]));
      const apart = { ...options, cacheDir: join(cacheDir, head), endpoint: pickled.endpoint };
      const names = entryNames(await resolveModel(NAME, apart, "adapter"));
      assertEquals(names.filter((name) => name.startsWith("value_head")), [head]);
    }
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
