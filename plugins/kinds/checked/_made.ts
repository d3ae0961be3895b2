/** Products of a plugin of one's own, for tests of what is checked of them. */
import { assertThrows } from "@std/assert";
import { z } from "zod";

import type { Kinds } from "../plugin.ts";
import { Registry } from "../../registry.ts";

const ownParts = { version: "1", description: "d", options: z.strictObject({}), name: "mine" };

/** The product of a plugin of one's own. */
export function madeOf<K extends keyof Kinds>(kind: K, product: unknown): Kinds[K] {
  const registry = new Registry();
  registry.define({ ...ownParts, kind, create: () => product as Kinds[K] }, "my.ts");
  return registry.create(kind, "mine");
}

/** The message of what `make` throws. */
export function fault(make: () => unknown): string {
  return assertThrows(make, Error).message;
}

export const source = { file: "a.jsonl", row: 3 };
export const attributes = { name: "a", ranking: false, shape: "single", columns: {}, tags: {} } as const;
export const question = { role: "user", content: "q" }, answer = { role: "assistant", content: "a" };
export const madeItem = {
  id: "a",
  messages: [question],
  constraints: [{ text: "c", groups: {} }],
  groups: {},
  fields: {},
};
export const example = {
  source,
  shape: "single",
  system: "",
  tools: "",
  prompts: { x: [question] },
  answers: { y: answer },
};
export const dataset = (converted: (...given: object[]) => unknown) => ({
  shapes: ["single"],
  defaults: { columns: {}, tags: {} },
  required: () => ({}),
  convert: converted,
});

/** The declaration of a loss over pairs. */
export const pair = {
  shape: "pair",
  sequences: { chosen: ["x", "chosen"], rejected: ["x", "rejected"] },
  needsReference: false,
  normalize: "examples",
};
