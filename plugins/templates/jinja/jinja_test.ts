import { assert, assertEquals, assertThrows } from "@std/assert";

import { parsePyJson, type PyJson } from "../python_json.ts";
import { compileTemplate, TemplateError } from "./mod.ts";

const golden = JSON.parse(
  Deno.readTextFileSync(new URL("../../../fixtures/goldens/jinja/jinja.json", import.meta.url)),
) as { today: string; context: string; cases: [template: string, output: string | null][] };

const context = parsePyJson(golden.context) as Map<string, PyJson>;

function rendered(template: string, variables: ReadonlyMap<string, PyJson> = context): string | null {
  try {
    return compileTemplate(template).render(variables, golden.today);
  } catch (error) {
    if (error instanceof TemplateError) return null;
    throw error;
  }
}

Deno.test("templates give the text of Python's Jinja2, or are refused where it refuses them", () => {
  const different = golden.cases.map(([template, output]) => ({
    template,
    python: output,
    here: rendered(template),
  }))
    .filter(({ python, here }) => python !== here);
  assertEquals(different, []);
  assert(golden.cases.length > 1700);
});
