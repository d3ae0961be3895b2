import { assert, assertEquals } from "@std/assert";

import { xmlText } from "./junit.ts";

Deno.test("xmlText() leaves nothing that could be markup, and nothing that XML can't hold", () => {
  assertEquals(xmlText(`<a b="c">&\n\t`), "&lt;a b=&quot;c&quot;&gt;&amp;&#10;&#9;");
  assertEquals(xmlText("\x00\x1b[0m\ufffe\ud800x\u{1f600}"), "\ufffd\ufffd[0m\ufffd\ufffdx\u{1f600}");
  // every character that is left is one of XML 1.0's (section 2.2)
  const all = Array.from({ length: 0x10000 }, (_, i) => String.fromCharCode(i)).join(" ");
  assert(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(xmlText(all)));
});
