/**
 * Routes by which the page asks about training runs.
 * @module
 */
import { Hono } from "hono";

import { curvesCsv, curvesJson, curvesOf, readWish } from "./curves.ts";
import type { Folders } from "../folders.ts";
import { configTable, runDetails } from "./details.ts";
import { tokenPreview } from "./tokens.ts";
import { curvesSvg } from "./picture.ts";
import type { RunList } from "./run_list.ts";

/** Routes under `api/`. */
export function runRoutes(runs: RunList, folders: Folders): Hono {
  const app = new Hono();
  app.get("/runs", (c) => c.json({ runs: runs.list() }));
  app.get(
    "/curves",
    (c) =>
      c.body(curvesJson(curvesOf(runs, readWish(c.req.queries()))), 200, {
        "content-type": "application/json",
      }),
  );
  app.get("/curves.csv", (c) =>
    c.body(curvesCsv(runs, readWish(c.req.queries())), 200, {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="curves.csv"',
    }));
  app.get("/curves.svg", async (c) => {
    const wish = readWish(c.req.queries());
    const names = wish.runs.map((run) => runs.name(run));
    const picture = await curvesSvg(curvesOf(runs, wish), { ...wish, runs: names });
    return c.body(picture, 200, {
      "content-type": "image/svg+xml; charset=utf-8",
      "content-disposition": 'attachment; filename="curves.svg"',
    });
  });
  app.get("/run", (c) => c.json(runDetails(folders, c.req.query("run") ?? "")));
  app.get("/config", (c) => c.json(configTable(folders, c.req.queries("run") ?? [])));
  app.get(
    "/tokens",
    async (c) => c.json(await tokenPreview(folders.file(c.req.query("run") ?? "", "run.yaml"))),
  );
  return app;
}
