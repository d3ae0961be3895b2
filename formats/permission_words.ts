/**
 * Faults of permissions in words, in place of Deno's.
 * @module
 */

/** Uses of Deno's other permissions, for who runs a task with less of them than deno.json gives it. */
const USES: Readonly<Record<string, string>> = {
  read: "to read",
  net: "to reach or to listen at",
  env: "to look at the environment's",
  sys: "to ask the system for",
  run: "to start",
  ffi: "to load the native code",
  import: "to load the module",
};

/** True of an error of Deno's about a permission that the process hasn't: asking again changes nothing. */
export function isPermissionFault(message: string): boolean {
  return /Requires (?:all|\w+) access to /.test(message);
}

/**
 * A message with words in place of the flags of Deno that a task doesn't have on purpose: why it hasn't; and what one that it lacks is for.
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { withPermissionWords } from "./permission_words.ts";
 *
 * const said = withPermissionWords('Requires ffi access to "/a.node", run again with the --allow-ffi flag');
 * assertStringIncludes(said, 'the task has no permission to load the native code "/a.node", which needs --allow-ffi');
 * ```
 */
export function withPermissionWords(message: string): string {
  return message
    .replaceAll(
      /Requires all access to "(.+?)", run again with the --allow-all flag/g,
      "$1 lies among the system's devices, and a task opens nothing under /dev, /proc and /sys: use another folder",
    )
    .replaceAll(
      /Requires write access to (.+?), run again with the --allow-write flag/g,
      "the task may write to its own folders only, and $1 is in none of them (docs/security.md)",
    )
    .replaceAll(
      /Requires (\w+) access to (.+?), run again with the --allow-\w+ flag/g,
      (said, kind: string, what: string) =>
        Object.hasOwn(USES, kind)
          ? `the task has no permission ${
            USES[kind]
          } ${what}, which needs --allow-${kind}: run it as deno.json does; docs/security.md ` +
            "says what each permission is for, and which are given up on purpose"
          : said,
    );
}
