/** TRACE's data; counts from the research notes on the released file. */
import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { readText } from "../../../formats/records/rows.ts";
import { readTraceItems } from "./items.ts";
import { TRACE_TAXONOMY } from "./taxonomy.ts";

const items = await Array.fromAsync(readTraceItems());

Deno.test("the data is the released file, unchanged", async () => {
  const text = await readText(new URL("../../../fixtures/trace/trace_eval.jsonl.gz", import.meta.url));
  assertEquals(
    createHash("sha256").update(text).digest("hex"),
    "b5a3e6ebc823adacb85afed50b1593115255855deca9dc919c7d6f40e80908eb",
  );
});

Deno.test("1,042 rows have the counts of the research notes", () => {
  const constraints = items.flatMap((i) => i.constraints);
  const count = (key: string, name: string) => constraints.filter((c) => c.groups[key] === name).length;
  assertEquals([items.length, constraints.length], [1042, 5087]);
  assertEquals(items.filter((i) => i.constraints.length === 1).length, 200);
  assertEquals(
    ["Content", "Format", "Situation", "Style", "Example", "Unknown"].map((t) => count("type", t)),
    [
      2381,
      1599,
      549,
      508,
      48,
      2,
    ],
  );
  assertEquals([
    count("dimension", "Inclusion"),
    count("dimension", "Numerical"),
    count("dimension", "Citation"),
  ], [999, 890, 199]);
  assertEquals([count("dimension", "输入格式约束"), count("dimension", "·")], [1, 1]); // the two stray labels
  assertEquals(items.filter((i) => i.groups["category"] === "trace2.0").length, 235);
  assertEquals(items.filter((i) => !i.fields["query"]!.includes("# Inputs:")).length, 789);
  assertEquals(Object.keys(TRACE_TAXONOMY).length, 26);
  assertEquals(items.filter((i) => i.messages.map((m) => m.role).join() !== "system,user"), []);
  const rows = items.filter((i) =>
    !i.messages[1]!.content.startsWith(i.fields["query"]!.split("\n# Inputs:\n")[0]!)
  );
  assertEquals(rows, []);
});
