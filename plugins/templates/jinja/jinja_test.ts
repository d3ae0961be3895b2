import { assert, assertEquals, assertThrows } from "@std/assert";

import { parsePyJson, type PyJson } from "../../../formats/python_json.ts";
import { compileTemplate, parseDay, StepLimitError, TemplateError } from "./mod.ts";

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

Deno.test("numbers and texts by % and format are as Python writes them, or are refused where it refuses them", () => {
  const formats = JSON.parse(
    Deno.readTextFileSync(new URL("../../../fixtures/goldens/jinja/formats.json", import.meta.url)),
  ) as typeof golden;
  const different = formats.cases.map(([template, python]) => [template, python, rendered(template)])
    .filter(([, python, here]) => python !== here);
  assertEquals(different, []);
  assert(formats.cases.length > 1000);
});

Deno.test("lists and short values are as Jinja2 3.1.6 has them; what it refuses is refused by a message", () => {
  for (
    const [template, python] of [
      ["{{ 'x' % [1] }}", "x"],
      ["{{ 'x' % range(3) }}", "x"],
      ["{{ 'x' % u }}", "x"],
      ["{{ 'x' % (1,) }}", null],
      ["{{ [1, 2]|truncate(9) }}", "[1, 2]"],
      ["{{ {'a': 1}|truncate(9) }}", "{'a': 1}"],
      ["{{ u|truncate(5) }}", ""],
      ["{{ none|truncate(5) }}", null],
      ["{{ 5|truncate(9) }}", null],
      ["{{ [{'a': 1}]|urlencode }}", null],
      ["{{ [{'a': 1, 'b': 2, 'c': 3}]|urlencode }}", null],
      ["{{ [{'a': 1, 'b': 2}]|urlencode }}", "a=b"],
      ["{% for x in 'ab' %}{{ loop }}{% endfor %}", "<LoopContext 1/2><LoopContext 2/2>"],
      ["{{ big|round(2, 'floor') }}", "1.2345678901234568e+29"],
      ["{{ big / 100 }}", "1.2345678901234569e+27"],
      ["{{ -big / 7 }}", "-1.763668414462081e+28"],
      ["{{ 10 ** 400 / 10 ** 399 }}", "10.0"],
      ["{{ 10 ** 400 / 3 }}", null],
      ["{{ (2 ** 60 + 129) / 8 }}", "1.441151880758559e+17"],
      ["{% filter length %}abc{% endfilter %}", null],
      ["{{ [1] is filter }}", null],
      ["{{ 'upper' is filter }}", "True"],
      ["{{ '%*d|%-*d' % (5, 42, 4, 7) }}", "   42|7   "],
      ["{{ '%.*f' % (2, 1.005) }}", "1.00"],
      ["{{ '100%' % () }}", null],
      ["{{ '%08.3f' % -1.5 }}", "-001.500"],
      ["{{ '{:09,}'.format(1234) }}", "0,001,234"],
      ["{{ '{:z.1f}'.format(-0.01) }}", "0.0"],
      ["{{ '{:_x}'.format(1048575) }}", "f_ffff"],
      ["{{ '{0[a:b]}'.format({'a:b': 1}) }}", "1"],
    ] as const
  ) assertEquals(rendered(template), python, template);
});

Deno.test("a template that takes too long is refused, for any cause", () => {
  const numbers = "range(100000)";
  const endless = [
    `{% for a in ${numbers} %}{% for b in ${numbers} %}{% endfor %}{% endfor %}`,
    `{% for a in ${numbers} %}{{ ${numbers}|join }}{% endfor %}`,
    `{% for a in ${numbers} %}{% set x = ${numbers}|list %}{% endfor %}`,
    `{% set ns = namespace(x='ab') %}{% for a in ${numbers} %}{% set ns.x = ns.x ~ 'ab' * 100000 %}{% endfor %}`,
    `{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}`,
  ];
  for (const template of endless) {
    assertThrows(
      () => compileTemplate(template).render(context, golden.today),
      StepLimitError,
      "2000000 steps",
    );
  }
});

Deno.test("what would fill the memory or the stack is refused", () => {
  const refused: [string, string][] = [
    [
      "{% set ns = namespace(x='ab') %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
      "longer than",
    ],
    ["{{ 'x' * 10 ** 12 }}", "longer than"],
    ["{{ [1] * 10 ** 12 }}", "longer than"],
    ["{{ 'x'.ljust(10 ** 12) }}", "longer than"],
    ["{{ '%1000000d' % 5 }}", "wider than"],
    ["{{ 9 ** (9 ** 9) }}", "bits"],
    ["{{ range(10 ** 12) }}", "longer than 100000 numbers"],
    ["{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "call themselves"],
    ["{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}", "levels deep"],
    ["{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}", "levels deep"],
    ["{{ " + "-".repeat(5000) + "1 }}", "levels deep"],
    ["{% if n %}".repeat(5000) + "{% endif %}".repeat(5000), "levels deep"],
  ];
  for (const [template, words] of refused) {
    assertThrows(
      () => compileTemplate(template).render(context, golden.today),
      TemplateError,
      words,
    );
  }
});

Deno.test("a long text costs time in proportion: no step of it is quadratic", () => {
  const long = "a b\n".repeat(500_000);
  const template =
    "{{ (x.split()|length, x.strip()|length, x.splitlines()|length, x.replace('a', 'bb')|length, x[5:]|length) }}";
  const text = compileTemplate(template).render(new Map([["x", long]]), golden.today);
  assertEquals(text, "(1000000, 1999999, 500000, 2500000, 1999995)");
});

Deno.test("faults of a template name the line", () => {
  for (
    const template of ["a\n\n{{ 1 + }}", "a\n\n{% nonsense %}", "\n\n{% if n %}", "\n\n{{ 'x", "\n\n{{ ?"]
  ) {
    assertThrows(() => compileTemplate(template), TemplateError, "line 3: ");
  }
});

Deno.test("strftime_now() writes the day that is given, in any of the usual spellings", () => {
  const day = (today: string) => compileTemplate("{{ strftime_now('%Y-%m-%d') }}").render(new Map(), today);
  for (const today of ["5 Mar 2031", "05 March 2031", "March 5, 2031", "2031-03-05"]) {
    assertEquals(day(today), "2031-03-05");
  }
  assertThrows(() => day("today"), TemplateError, 'isn\'t a day such as "26 Jul 2024"');
  for (const wrong of ["31 Feb 2024", "2024-13-01", "1 Foo 2024"]) assertEquals(parseDay(wrong), null);
});
