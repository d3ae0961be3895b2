/**
 * `/v1/models`: the model and its adapters, in OpenAI's shape or, for its clients, in Anthropic's.
 * @module
 */
import { Hono } from "hono";

import { isAnthropics } from "./anthropic/error_body.ts";
import { ApiError } from "./api_error.ts";
import { ONE_MODEL } from "./http/known_paths.ts";
import type { ServedModel } from "./models.ts";
import type { Service } from "./run.ts";

/** The list, and one model by its name. */
export function modelRoutes({ models }: Pick<Service, "models">): Hono {
  const app = new Hono();
  app.get("/v1/models", (c) => {
    const list = models.list();
    if (!isAnthropics(c)) return c.json({ object: "list", data: list.map(modelJson) });
    const data = list.map(modelInfo), ids = list.map(({ id }) => id);
    return c.json({ data, has_more: false, first_id: ids.at(0) ?? null, last_id: ids.at(-1) ?? null });
  });
  app.get(`${ONE_MODEL}:id{.+}`, (c) => {
    const model = models.get(c.req.param("id").replace(/\/$/, ""));
    if (model !== undefined) return c.json(isAnthropics(c) ? modelInfo(model) : modelJson(model));
    throw new ApiError(`There is no model of that name: GET /v1/models lists those that are`, {
      status: 404,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  });
  return app;
}

function modelInfo({ id, created, local }: ServedModel): Record<string, unknown> {
  const { maxModelLen } = local.generator.info;
  return {
    type: "model",
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    max_input_tokens: maxModelLen,
    max_tokens: maxModelLen,
    line: null,
    capabilities: null,
    lifecycle: "active",
    deprecated_at: null,
    retires_at: null,
  };
}

function modelJson({ id, created, root, parent, local }: ServedModel): Record<string, unknown> {
  const { maxModelLen } = local.generator.info;
  return { id, object: "model", created, owned_by: "dinotune", root, parent, max_model_len: maxModelLen };
}
