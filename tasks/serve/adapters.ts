/**
 * `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`, as vLLM has them.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";

import { ApiError, badRequest } from "./api_error.ts";
import { readFields } from "./fields/fields.ts";
import { jsonBody } from "./http/json_body.ts";
import { AdapterMissing } from "./models.ts";
import type { Service } from "./run.ts";

const NAME = z.string().regex(/^[\w.:/@+-]{1,128}$/, "needs up to 128 letters, digits and . : / @ + - _");

const Load = z.strictObject({ lora_name: NAME, lora_path: z.string().min(1) });
const Unload = z.strictObject({ lora_name: NAME, lora_int_id: z.int().nullish() });

/** The two routes; both refuse where the server isn't to change by requests. */
export function adapterRoutes(
  { models }: Service,
  { loadAdapters, log }: { loadAdapters: boolean; log(line: string): void },
): Hono {
  const app = new Hono();
  const allowed = () => {
    if (loadAdapters) return;
    throw new ApiError("Adapters can't be loaded by request here: start the server with --load-adapters", {
      status: 403,
      type: "invalid_request_error",
      code: "not_allowed",
    });
  };
  app.post("/v1/load_lora_adapter", async (c) => {
    allowed();
    const { lora_name, lora_path } = readFields(Load, await jsonBody(c));
    await models.load(lora_name, lora_path).catch((error) => {
      // files that don't fit (also by their shapes), a name that is taken, a hub that can't be reached: all that clients can mend
      const { message } = error as Error;
      if (error instanceof AdapterMissing) throw missing(message, "lora_path");
      const isFault = error instanceof TypeError &&
        !/^Cannot use (the adapter|.+ as a value head: )/.test(message);
      throw isFault ? error : badRequest(message, "lora_path");
    });
    for (const note of models.get(lora_name)?.local.notes ?? []) log(`warning: ${note}`);
    return c.text(`Success: LoRA adapter '${lora_name}' added successfully.`);
  });
  app.post("/v1/unload_lora_adapter", async (c) => {
    allowed();
    const { lora_name } = readFields(Unload, await jsonBody(c));
    if (models.get(lora_name) === undefined) {
      throw missing(`There is no adapter ${JSON.stringify(lora_name)}${models.hint(lora_name)}`, "lora_name");
    }
    await models.unload(lora_name);
    return c.text(`Success: LoRA adapter '${lora_name}' removed successfully.`);
  });
  return app;
}

function missing(message: string, param: string): ApiError {
  return new ApiError(message, { status: 404, type: "invalid_request_error", param, code: "not_found" });
}
