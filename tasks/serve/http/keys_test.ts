import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import { ApiError } from "../api_error.ts";
import { Keys, readClientKeys } from "./keys.ts";
import { Places } from "../places.ts";

const folder = temporaryFolder();

Deno.test("Keys let in who shows one of them, and nobody else", () => {
  const keys = new Keys(["alpha", "beta"]);
  for (const header of ["Bearer alpha", "bearer beta", "Bearer  alpha "]) keys.check(header);
  for (
    const header of [
      undefined,
      "",
      "alpha",
      "Bearer",
      "Bearer ",
      "Bearer gamma",
      "Bearer alpha beta",
      "Basic alpha",
    ]
  ) {
    const error = assertThrows(() => keys.check(header), ApiError);
    assertEquals([error.fields.status, error.fields.code], [401, "invalid_api_key"]);
  }
  // as Anthropic's clients send them; some have both headers, one of them a key of another server's
  for (
    const [bearer, apiKey] of [[undefined, "alpha"], ["Bearer gamma", " beta "], ["Bearer alpha", "gamma"]]
  ) {
    keys.check(bearer, apiKey);
  }
  for (const apiKey of ["", "gamma", "Bearer alpha", "alpha beta"]) {
    assertThrows(() => keys.check(undefined, apiKey), ApiError);
  }
  assertThrows(() => keys.check(undefined, "gamma"), ApiError, "header x-api-key");
  new Keys([]).check(undefined);
});

Deno.test("readClientKeys() takes lines of a file and a list of the environment; its errors show none", () => {
  const file = join(folder, "keys.txt");
  Deno.writeTextFileSync(file, "# mine\n alpha \n\nbeta\r\n");
  assertEquals(readClientKeys(file, "gamma, delta,"), ["alpha", "beta", "gamma", "delta"]);
  assertEquals(readClientKeys(null, undefined), []);
  Deno.writeTextFileSync(file, "# none\n");
  assertThrows(() => readClientKeys(file, "gamma"), RangeError, "one per line");
  Deno.writeTextFileSync(file, "sec ret\n");
  const error = assertThrows(() => readClientKeys(file, undefined), RangeError, "white space");
  assertEquals(error.message.includes("ret"), false);
});

Deno.test("Places: so many run and wait, the rest is told when to come again", () => {
  const places = new Places(2, 1);
  const [first, second] = [places.take(1), places.take(2)];
  assertEquals([places.busy, places.queued], [2, 1]);
  const error = assertThrows(() => places.take(1), ApiError, "3 places");
  assertEquals([error.fields.status, error.fields.retryAfter], [429, 2]); // a second an answer, three of them by two
  first();
  first();
  assertEquals([places.busy, places.queued], [2, 0]);
  places.take(1)();
  second();
  assertEquals([places.busy, places.queued], [0, 0]);
  assertEquals(assertThrows(() => places.take(4), ApiError).fields.status, 400);
});
