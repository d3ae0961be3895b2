import { assertEquals } from "@std/assert";
import { OWN_RULES } from "./ifeval_rules/constraint_rules.ts";
import { CHECKS } from "./ifeval_rules/checks/mod.ts";

Deno.test("docs/evaluation.md lists every rule with its arguments, and none that doesn't exist", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/evaluation.md", import.meta.url));
  const documented = page.split("\n").flatMap((line): [string, string[]][] => {
    const [, ids = "", kwargs = ""] = /^\| (`[a-z_]+:[a-z_]+`[^|]*)\|([^|]*)\|/.exec(line) ?? [];
    // "`format`: `comma`, …" and "`language` (a code such as `de`)": what stands in parentheses or behind a colon are values
    const names = [...kwargs.replace(/\([^)]*\)|:.*/g, "").matchAll(/`([a-z_]+)`/g)].map(([, name]) =>
      name ?? ""
    );
    return [...ids.matchAll(/`([a-z_]+:[a-z_]+)`/g)].map(([, id]) => [id ?? "", names.sort()]);
  });
  const known = Object.entries({ ...CHECKS, ...OWN_RULES })
    .map(([id, { kwargs }]): [string, string[]] => [id, Object.keys(kwargs.shape).sort()]);
  assertEquals(Object.fromEntries(documented), Object.fromEntries(known));
});
