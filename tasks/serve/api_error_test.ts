import { assertEquals } from "@std/assert";

import { ContextLengthError, LogitsError } from "../../kernels/engine/generate/generator.ts";
import { toApiError } from "./api_error.ts";

Deno.test("a status says whose fault an error is", () => {
  const told = (error: unknown) => {
    const { fields: { status, code }, message } = toApiError(error);
    return [status, code, message.includes("weights")];
  };
  assertEquals(told(new RangeError("Cannot use weights")), [400, null, true]);
  assertEquals(told(new ContextLengthError("")), [400, "context_length_exceeded", false]);
  // the model's, not the client's: retrying it changes nothing
  assertEquals(told(new LogitsError("Are the weights finite?")), [500, "model_broken", true]);
  assertEquals(told(new TypeError("weights")), [500, "internal_error", false]);
});
