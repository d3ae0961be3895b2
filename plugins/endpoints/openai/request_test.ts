import { assertEquals, assertThrows } from "@std/assert";

import type { CompletionRequest } from "../../kinds/endpoint.ts";
import { samplingOf, SamplingOptions } from "../../kinds/sampling.ts";
import { requestBody, withoutSystem } from "./request.ts";

const options = { name: "m", max_tokens_field: "max_tokens", system: "send", stream: false } as const;
const user = { role: "user" as const, content: "hello" };
const system = { role: "system" as const, content: "Be brief." };
const request = (run: Record<string, unknown>): CompletionRequest => ({
  messages: [system, user],
  ...samplingOf(SamplingOptions.parse(run)),
});

Deno.test("requestBody() sends temperature, top_p and max_tokens unless they are null", () => {
  assertEquals(requestBody(request({}), options), {
    model: "m",
    messages: [system, user],
    temperature: 0,
    top_p: 1,
    max_tokens: 2048,
  });
  assertEquals(requestBody(request({ temperature: null, top_p: null, max_tokens: null }), options), {
    model: "m",
    messages: [system, user],
  });
  assertEquals(
    requestBody(request({ top_p: null }), { ...options, max_tokens_field: "max_completion_tokens" }),
    {
      model: "m",
      messages: [system, user],
      temperature: 0,
      max_completion_tokens: 2048,
    },
  );
});

Deno.test("requestBody() passes extra_body through, field by field, but not what has keys of its own", () => {
  const body = { thinking: { type: "disabled" }, provider: { order: ["a"] }, top_k: 7 };
  assertEquals(requestBody(request({ extra_body: body, min_p: 0.1 }), options), {
    model: "m",
    messages: [system, user],
    temperature: 0,
    top_p: 1,
    max_tokens: 2048,
    min_p: 0.1,
    ...body,
  });
  for (const own of ["model", "messages", "n", "temperature", "max_tokens", "stream", "seed"]) {
    assertThrows(() => SamplingOptions.parse({ extra_body: { [own]: 1 } }), Error, `must not have ${own}`);
  }
});

Deno.test("withoutSystem() puts system messages in front of the first user turn", () => {
  const answer = { role: "assistant" as const, content: "Hi." };
  const merged = { role: "user" as const, content: "Be brief.\n\nhello" };
  assertEquals(withoutSystem([system, user]), [merged]);
  assertEquals(withoutSystem([system, user, answer, user]), [merged, answer, user]);
  assertEquals(withoutSystem([system, system, user]), [{
    ...merged,
    content: "Be brief.\n\nBe brief.\n\nhello",
  }]);
  assertEquals(withoutSystem([{ ...system, content: " " }, user]), [user]);
  assertEquals(withoutSystem([user, answer, user]), [user, answer, user]);
  assertEquals(withoutSystem([system]), [{ ...user, content: "Be brief." }]);
  assertEquals(requestBody(request({}), { ...options, system: "merge" })["messages"], [merged]);
});
