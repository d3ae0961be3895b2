import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";

import { temporaryFolder } from "../../../tests/helpers/temporary_folder.ts";
import type { EvalResults } from "../results/results.ts";
import type { StoredItem } from "../store/stored.ts";
import { junitWriter, xmlText } from "./junit.ts";
import { PageSurvey } from "./page_survey.ts";

Deno.test("xmlText() leaves nothing that could be markup, and nothing that XML can't hold", () => {
  assertEquals(xmlText(`<a b="c">&\n\t`), "&lt;a b=&quot;c&quot;&gt;&amp;&#10;&#9;");
  assertEquals(xmlText("\x00\x1b[0m\ufffe\ud800x\u{1f600}"), "\ufffd\ufffd[0m\ufffd\ufffdx\u{1f600}");
  // every character that is left is one of XML 1.0's (section 2.2)
  const all = Array.from({ length: 0x10000 }, (_, i) => String.fromCharCode(i)).join(" ");
  assert(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(xmlText(all)));
});

Deno.test("junitWriter() tells a failure's value as the report does: with its scale, shares in percent", () => {
  const path = join(temporaryFolder(), "junit.xml");
  const stored = {
    item: { id: "a", messages: [], groups: {}, constraints: [] },
    answer: { ms: 0, completion: { text: "x" } },
  } as unknown as StoredItem;
  const results = {
    model: "m",
    benchmark: "b",
    thresholds: [],
    headline: { metric: "mean" },
  } as unknown as EvalResults;
  const messages = [{ value: 3, weight: 1, max: 10 }, { value: 1, weight: 3 }].map((score) => {
    const contributions = [{ metric: "mean", ...score }], survey = new PageSurvey(1);
    survey.add(stored, contributions);
    const writer = junitWriter(path, results, survey);
    writer.add(stored, contributions);
    writer.finish();
    return /failure message="([^"]*)"/.exec(Deno.readTextFileSync(path))?.[1];
  });
  assertEquals(messages, ["mean is 3.00 of 10", "mean is 33.3 %"]);
});
