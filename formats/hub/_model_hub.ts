/**
 * A made-up hub with one model, for tests.
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { FakeHub, type Faults } from "../../tests/helpers/fake_hub.ts";
import type { ResolveOptions } from "./mod.ts";

const MODEL = new URL("../../fixtures/goldens/tiny/qwen2/model-sharded/", import.meta.url);
/** Name of the model. */
export const NAME = "tiny/qwen2";

/** Files of its repository, by name. */
export function modelFiles(): Map<string, Uint8Array> {
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

/** Files that are downloaded. */
export const NEEDED = [
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model-00001-of-00003.safetensors",
  "model-00002-of-00003.safetensors",
  "model-00003-of-00003.safetensors",
  "model.safetensors.index.json",
];
/** One of its files of weights. */
export const SHARD = "model-00002-of-00003.safetensors";

/** Runs a test beside a hub and an empty cache. */
export async function withHub(
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

/** Names of a folder's entries, sorted. */
export const entryNames = (path: string) => [...Deno.readDirSync(path)].map((entry) => entry.name).sort();

/** @throws {AssertionError} If a folder isn't the whole model */
export function assertWhole(path: string): void {
  assertEquals(entryNames(path), NEEDED);
  const files = modelFiles();
  for (const name of NEEDED) assertEquals(Deno.readFileSync(join(path, name)), files.get(name), name);
}

/** A list of one file, as the hub's interface gives it. */
export const fileList = (more: Record<string, unknown>) =>
  JSON.stringify([{ type: "file", path: "config.json", size: 2, oid: "0".repeat(40), ...more }]);
