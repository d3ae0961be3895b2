import { assertEquals } from "@std/assert";

import { denoCommand } from "./command.ts";
import { UNIX } from "../../../tests/helpers/system.ts";

// PATH as npm 11 gives it to what npx starts
const PATH = "/n/.npm/_npx/1a2b/node_modules/.bin:/w/node_modules/.bin:/usr/bin:";

Deno.test({
  name: `commands to type next begin as Deno was started: by npx where the path has no other deno${UNIX.why}`,
  ignore: UNIX.ignore,
  fn() {
    const npx = { npm_lifecycle_event: "npx", PATH } as Record<string, string>;
    const none = (path: string) => path === "/n/.npm/_npx/1a2b/node_modules/.bin/deno";
    assertEquals(denoCommand((name) => npx[name], none), ["npx", "-y", `deno@${Deno.version.deno}`]);
    assertEquals(denoCommand((name) => npx[name], (path) => none(path) || path === "/usr/bin/deno"), [
      "deno",
    ]);
    // a script of a package, and no npm at all
    assertEquals(denoCommand((name) => ({ ...npx, npm_lifecycle_event: "start" })[name], none), ["deno"]);
    assertEquals(denoCommand(() => undefined, none), ["deno"]);
  },
});
