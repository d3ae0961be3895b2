import { assert, assertEquals } from "@std/assert";

import { readLine } from "./commands.ts";

Deno.test("readLine() tells commands from words", () => {
  assertEquals(
    ["", " hi ", "//x", "/system a b", "/quit", "/save a b.jsonl"].map(readLine),
    [
      { type: "nothing" },
      { type: "say", text: "hi" },
      { type: "say", text: "/x" },
      { type: "system", text: "a b" },
      { type: "exit" },
      { type: "save", path: "a b.jsonl" },
    ],
  );
  const hints: [string, string][] = [["/sys", "/system"], ["/re", "/retry"], ["/clera", "/clear"], [
    "/s",
    "",
  ]];
  for (const [line, near] of hints) {
    const read = readLine(line);
    assert(read.type === "wrong");
    const words = near === ""
      ? `Cannot follow ${line}: `
      : `Cannot follow ${line} - did you mean "${near}"?: `;
    assert(read.why.startsWith(words), read.why);
  }
});
