/**
 * Requests of the page to start, stop and pass on; only with `--control`.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";

import { readYaml } from "../../../formats/yaml/yaml.ts";
import { DEFAULT_TRAINING } from "../../common/default_files.ts";
import { jsonSchema } from "../../train/config/describe.ts";
import { GROUP_TITLES, keyTable } from "../../train/config/key_table.ts";
import { requestFields } from "../evaluations/routes.ts";
import type { Control } from "./control.ts";

const File = z.strictObject({ file: z.record(z.string(), z.unknown()) });
const Id = z.strictObject({ id: z.coerce.number().pipe(z.int().min(1)) });
const Run = z.strictObject({ run: z.string() });

/** Routes under `api/`. */
export function controlRoutes(control: Control): Hono {
  const app = new Hono();
  app.get("/form", (c) =>
    c.json({
      schema: jsonSchema(),
      groups: groupsOfKeys(),
      start: { ...readYaml(DEFAULT_TRAINING).value as object, overwrite_output_dir: undefined },
    }));
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

/** Keys that work, by the groups of docs/config.md; the others would only be refused or passed over. */
function groupsOfKeys(): { title: string; keys: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const [key, { group, state }] of keyTable()) {
    const title = state === "works" ? GROUP_TITLES[group] : "Accepted without effect, or refused";
    groups.set(title, [...groups.get(title) ?? [], key]);
  }
  return [...groups].map(([title, keys]) => ({ title, keys }))
    .sort((a, b) => Number(a.title.startsWith("Accepted")) - Number(b.title.startsWith("Accepted")));
}
