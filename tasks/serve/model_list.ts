/**
 * `/v1/models`: the model and its adapters.
 * @module
 */
import { Hono } from "hono";

import { ApiError } from "./api_error.ts";
import { ONE_MODEL } from "./known_paths.ts";
import type { Service } from "./run.ts";

/** The list, and one model by its name. */
export function modelRoutes({ models }: Pick<Service, "models">): Hono {
  const app = new Hono();
  app.get("/v1/models", (c) => c.json({ object: "list", data: models.list().map(modelJson) }));
  app.get(`${ONE_MODEL}:id{.+}`, (c) => {
    const model = models.get(c.req.param("id").replace(/\/$/, ""));
    if (model !== undefined) return c.json(modelJson(model));
    throw new ApiError(`There is no model of that name: GET /v1/models lists those that are`, {
      status: 404,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  });
  return app;
}

function modelJson(
  { id, created, root, parent, local }: ReturnType<Service["models"]["list"]>[number],
): Record<string, unknown> {
  const { maxModelLen } = local.generator.info;
  return { id, object: "model", created, owned_by: "dinotune", root, parent, max_model_len: maxModelLen };
}
