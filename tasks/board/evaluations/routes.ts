/**
 * Requests of the page about evaluations.
 * @module
 */
import { type Context, Hono } from "hono";
import { z } from "zod";

import { inWords } from "../../../formats/zod_words.ts";
import { builtinRegistry } from "../../../plugins/builtins.ts";
import type { Verdict } from "../../../plugins/kinds/judgement.ts";
import { cardOfRun } from "../../eval/judge_card/card_of_run.ts";
import { Refusal } from "../refusal.ts";
import type { Evaluations } from "./evaluations.ts";
import type { ItemIndex } from "./item_index.ts";
import { pairScores, pairsPage } from "./pairs.ts";

const Items = z.strictObject({
  run: z.string(),
  status: z.enum(["all", "pass", "part", "fail", "unscored", "unanswered"]).default("all"),
  search: z.string().max(1000).default(""),
  from: z.coerce.number().pipe(z.int().min(0)).default(0),
});

const Pairs = z.strictObject({
  a: z.string(),
  b: z.string(),
  which: z.enum(["all", "flipped", "worse", "better"]).default("all"),
  search: z.string().max(1000).default(""),
  from: z.coerce.number().pipe(z.int().min(0)).default(0),
});

const Mark = z.strictObject({
  run: z.string(),
  id: z.string(),
  constraint: z.int().min(0),
  label: z.enum(["right", "wrong", "none"]),
});

/** A request's fields. @throws {Refusal} 400 if they aren't those that are known */
export function requestFields<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, inWords);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(400, `Cannot answer this: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** The items of a page, as report.html has one. */
interface Shown {
  response: string | null;
  constraints: { verdict: Verdict | null }[];
}

/**
 * Routes under `api/`.
 * @param control True if the page may write marks
 */
export function evaluationRoutes(evaluations: Evaluations, control: boolean): Hono {
  const app = new Hono();
  app.get("/evaluation", (c) => {
    const { run } = requestFields(z.strictObject({ run: z.string() }), c.req.query());
    evaluations.folder(run);
    return c.json({ results: evaluations.results(run) });
  });
  app.get("/items", async (c) => {
    const wish = requestFields(Items, c.req.query());
    const index = await evaluations.items(wish.run);
    if (!index.complete) return reading(c, index);
    return c.json({
      ...index.page({ ...wish, status: wish.status === "all" ? null : wish.status }),
      scale: index.scale,
    });
  });
  app.get("/item", async (c) => {
    const { run, id } = requestFields(z.strictObject({ run: z.string(), id: z.string() }), c.req.query());
    const index = await evaluations.allItems(run);
    const item = index.item(id) as Shown | null;
    if (item === null) throw new Refusal(404, `There is no item ${id} in this evaluation`);
    const labels = evaluations.labels(run).of(id, item.response);
    return c.json({ item, row: index.row(id), scale: index.scale, labels });
  });
  app.get("/pairs", async (c) => {
    const wish = requestFields(Pairs, c.req.query());
    const [a, b] = [await evaluations.items(wish.a), await evaluations.items(wish.b)];
    const unread = [a, b].find(({ complete }) => !complete);
    return unread === undefined ? c.json(pairsPage(a, b, wish)) : reading(c, unread);
  });
  app.get("/pair_scores", async (c) => {
    const { a, b } = requestFields(z.strictObject({ a: z.string(), b: z.string() }), c.req.query());
    return c.json(await pairScores(await evaluations.allItems(a), await evaluations.allItems(b)));
  });
  app.get("/card", async (c) => {
    const { run } = requestFields(z.strictObject({ run: z.string() }), c.req.query());
    evaluations.labels(run);
    return c.json(await cardOfRun(evaluations.folder(run), builtinRegistry()));
  });
  app.post("/label", async (c) => {
    if (!control) throw new Refusal(403, "This board only reads: start it with --control to mark verdicts");
    const mark = requestFields(Mark, await c.req.json());
    const labels = evaluations.labels(mark.run);
    const item = (await evaluations.allItems(mark.run)).item(mark.id) as Shown | null;
    const verdict = item?.constraints[mark.constraint]?.verdict ?? null;
    if (item === null || item.response === null || verdict === null || verdict.score === null) {
      throw new Refusal(
        404,
        `There is no verdict on constraint ${mark.constraint} of item ${mark.id} to mark`,
      );
    }
    const { scale } = await evaluations.items(mark.run);
    const { id, constraint, label } = mark;
    labels.add({ id, constraint, label, met: verdict.score >= scale }, item.response);
    return c.json({ labels: labels.of(id, item.response) });
  });
  return app;
}

/** The page asks again while items are read. */
function reading(c: Context, { count }: ItemIndex): Response {
  return c.json({ reading: count });
}
