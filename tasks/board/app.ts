/**
 * The board's routes, behind the guard.
 * @module
 */
import { Hono } from "hono";

import { errorText } from "../common/cli/print.ts";
import type { Control } from "./control/control.ts";
import { controlRoutes } from "./control/routes.ts";
import type { News } from "./events.ts";
import { evaluationRoutes } from "./evaluations/routes.ts";
import type { Evaluations } from "./evaluations/evaluations.ts";
import type { Folders } from "./folders.ts";
import { guard, pageHeaders } from "./guard.ts";
import { pageFile } from "./page_files.ts";
import { Refusal } from "./refusal.ts";
import { runRoutes } from "./runs/routes.ts";
import type { RunList } from "./runs/run_list.ts";

/** State that the routes share. */
export interface Board {
  /** Part of every address. */
  token: string;
  /** Folders and runs to show. */
  folders: Folders;
  /** Evaluations. */
  evaluations: Evaluations;
  /** Trainings that the page may start and stop; null: it only reads. */
  control: Control | null;
  /** Training runs. */
  runs: RunList;
  /** For pages that listen. */
  news: News;
  /** Gets what went wrong inside. */
  fault(error: unknown): void;
}

/** The application, as `Deno.serve` takes it. */
export function boardApp(board: Board): Hono {
  const app = new Hono();
  app.use(pageHeaders, guard(board.token));
  // relative addresses of the page need the stroke at the end
  app.get("/:token", (c) => c.redirect(`/${c.req.param("token")}/`));
  app.get("/:token/api/events", (c) => board.news.stream(c));
  app.route("/:token/api", runRoutes(board.runs, board.folders));
  app.route("/:token/api", evaluationRoutes(board.evaluations, board.control !== null));
  const { control } = board;
  if (control !== null) {
    app.route("/:token/api/control", controlRoutes(control));
    app.all("/:token/talk/:run/", (c) => control.pass(c.req.param("run"), "", c.req.raw));
    app.all(
      "/:token/talk/:run/:path{.+}",
      (c) => control.pass(c.req.param("run"), c.req.param("path"), c.req.raw),
    );
  }
  app.all("/:token/api/control/*", () => {
    throw new Refusal(
      403,
      "This board only reads: start it with --control to start and stop runs and talk to models",
    );
  });
  app.all("/:token/api/*", (c) => c.notFound());
  app.get("/:token/", (c) => pageFile(c, ""));
  app.get("/:token/:file{.+}", (c) => pageFile(c, c.req.param("file")));
  app.notFound((c) =>
    c.json({ error: `There is nothing at ${c.req.method} ${c.req.path.slice(0, 200)}` }, 404)
  );
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json({ error: error.message }, error.status);
    // what is wrong in a file of a run is told as the tasks tell it
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError) {
      return c.json({ error: errorText(error, false).replace(/^error: /, "") }, 400);
    }
    board.fault(error);
    return c.json({ error: errorText(error, false).replace(/^error: /, "") }, 500);
  });
  return app;
}
