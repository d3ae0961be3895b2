import { assertEquals, assertRejects } from "@std/assert";
import { until, within } from "./until.ts";

Deno.test("until() gives what is there in the end, 0 and no text too, and says what never came", async () => {
  let looks = 0;
  assertEquals(await until("the third look", () => ++looks === 3 && "there"), "there");
  assertEquals([await until("a number", () => 0), await until("a text", () => Promise.resolve(""))], [0, ""]);
  await assertRejects(
    () => until("a sign", () => null, { patience: 20, said: () => "what it printed" }),
    Error,
    "Waited 0 s in vain for a sign:\nwhat it printed",
  );
});

Deno.test("within() gives the outcome, error or not, and says what never came", async () => {
  assertEquals(await within("a value", Promise.resolve(5)), 5);
  await assertRejects(() => within("a value", Promise.reject(new RangeError("no"))), RangeError, "no");
  const never = new Promise<never>(() => {});
  await assertRejects(
    () => within("the end", never, { patience: 20 }),
    Error,
    "Waited 0 s in vain for the end",
  );
});
