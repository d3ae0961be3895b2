/**
 * Requests of the page to start, stop and pass on; only with `--control`.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";

import { HIDDEN, redactValue } from "../../../formats/secrets.ts";
import { parseYaml } from "../../../formats/yaml/yaml.ts";
import { DEFAULT_TRAINING } from "../../common/config/default_files.ts";
import { readTrainConfig } from "../../train/config/mod.ts";
import { jsonSchema } from "../../train/config/describe.ts";
import { COMMON_KEYS } from "../../train/config/key_help.ts";
import { GROUP_TITLES, keyTable } from "../../train/config/key_table.ts";
import { requestFields } from "../evaluations/routes.ts";
import type { Control } from "./control.ts";

/** Characters of a training file at most. */
const MOST_TEXT = 1 << 20;

const File = z.strictObject({ file: z.record(z.string(), z.unknown()) });
const Id = z.strictObject({ id: z.coerce.number().pipe(z.int().min(1)) });
const Text = z.strictObject({ text: z.string().max(MOST_TEXT) });
const Run = z.strictObject({ run: z.string() });

function refuseInclude(path: string): never {
  throw new RangeError(`Cannot include ${path} as a file that a page reads stands alone: put its keys in`);
}

/** Keys of the bundled training; its paths start at its own file, and a form has none. */
function exampleValues(): Record<string, unknown> {
  const { config, given } = readTrainConfig(DEFAULT_TRAINING);
  const written = Object.entries(config).filter(([key]) => given.has(key) && key !== "overwrite_output_dir");
  return Object.fromEntries(written);
}

/** Routes under `api/`. */
export function controlRoutes(control: Control): Hono {
  const app = new Hono();
  app.get("/form", (c) =>
    c.json({
      schema: jsonSchema(),
      groups: groupsOfKeys(),
      secrets: secretKeys(),
      start: { ...exampleValues(), output_dir: control.freeFolder() },
    }));
  app.post("/values", async (c) => {
    const { text } = requestFields(Text, await c.req.json());
    const { value } = parseYaml(text, "the file", { read: refuseInclude });
    return c.json({ file: requestFields(File, { file: value }).file });
  });
  app.post(
    "/dry_run",
    async (c) => c.json(await control.dryRun(requestFields(File, await c.req.json()).file)),
  );
  app.post("/start", async (c) => c.json(control.start(requestFields(File, await c.req.json()).file)));
  app.post("/stop", async (c) => {
    control.stop(requestFields(Id, await c.req.json()).id);
    return c.json({});
  });
  app.get("/log", (c) => c.json({ log: control.log(requestFields(Id, c.req.query()).id) }));
  app.post("/talk", async (c) => c.json(await control.talk(requestFields(Run, await c.req.json()).run)));
  return app;
}

/** Keys that work, those that most files have first, then by the groups of docs/config.md; last those that do nothing here. */
function groupsOfKeys(): { title: string; keys: string[] }[] {
  const groups = new Map<string, string[]>([["Most used", [...COMMON_KEYS]]]);
  const others: string[] = [];
  for (const [key, { group, state }] of keyTable()) {
    if (COMMON_KEYS.includes(key)) continue;
    if (state !== "works") others.push(key);
    else groups.set(GROUP_TITLES[group], [...groups.get(GROUP_TITLES[group]) ?? [], key]);
  }
  return [...groups, ["Accepted without effect, or refused", others] as const]
    .map(([title, keys]) => ({ title, keys }));
}

/** Keys whose value is a secret. */
function secretKeys(): string[] {
  const shown = redactValue(Object.fromEntries([...keyTable().keys()].map((key) => [key, "x"]))) as object;
  return Object.entries(shown).filter(([, value]) => value === HIDDEN).map(([key]) => key);
}
