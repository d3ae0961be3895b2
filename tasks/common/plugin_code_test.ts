import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

import { confirmPlugins, pluginNote } from "./plugin_code.ts";

Deno.test("the code of plugins is named before it runs, and what comes from elsewhere apart", () => {
  assertEquals(pluginNote([]), null);
  assertStringIncludes(
    pluginNote(["/a/mine.ts"])!,
    "plugins: the code of /a/mine.ts is run, with all permissions",
  );
  assertStringIncludes(pluginNote(["/a/mine.ts", "npm:x"])!, "; npm:x comes from elsewhere");
});

Deno.test("a person is asked before a task that only looks at a file runs its plugins", () => {
  const asked: string[] = [];
  const asking = (answer: boolean, isTerminal = true) => ({
    isTerminal: () => isTerminal,
    confirm: (question: string) => (asked.push(question), answer),
  });
  confirmPlugins([], asking(false));
  confirmPlugins(["/a/mine.ts"], asking(false, false));
  assertEquals(asked, []);
  confirmPlugins(["/a/mine.ts"], asking(true));
  assertThrows(() => confirmPlugins(["/a/mine.ts"], asking(false)), RangeError, "nothing was run");
  assertEquals(asked.length, 2);
});
