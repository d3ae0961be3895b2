/**
 * Folders of adapters: every task that takes one's name or path comes through here.
 * @module
 */
import { exists } from "../exists.ts";
import { hubName, type ResolveOptions } from "./repository.ts";
import { resolveModel } from "./resolve.ts";

/**
 * The folder of an adapter: a path as it is, a hub id (`owner/name`, or `owner/name@revision`, which wins over `options.revision`) as
 * its snapshot, downloaded if need be.
 * @throws {RangeError} If there is neither such a folder nor such a repository, or it isn't open to this token.
 * @throws {Error} If the hub can't be reached, or a download fails.
 */
export function resolveAdapter(nameOrPath: string, options: ResolveOptions = {}): Promise<string> {
  return resolveModel(nameOrPath, options, "adapter");
}

/**
 * The folders of adapters that are used one on top of the other, in their order.
 * @throws {RangeError} As {@linkcode resolveAdapter} does, and if one is named twice, since it would be applied twice.
 */
export async function resolveAdapters(
  names: readonly string[],
  options: ResolveOptions = {},
): Promise<string[]> {
  const folders: string[] = [], places = new Set<string>();
  for (const name of names) {
    const folder = await resolveAdapter(name, options), place = Deno.realPathSync(folder);
    if (places.has(place)) {
      throw new RangeError(
        `Cannot merge ${name} as each adapter must be named once: current value is ${names.join(", ")}`,
      );
    }
    places.add(place);
    folders.push(folder);
  }
  return folders;
}

/**
 * A model's name with the revision that it was opened at, for tasks that have no key for it. A path stays a path.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { atRevision } from "./adapters.ts";
 *
 * assertEquals(atRevision("owner/name", "v2"), "owner/name@v2");
 * assertEquals([atRevision("owner/name", "main"), atRevision("/models/a", "v2")], ["owner/name", "/models/a"]);
 * ```
 */
export function atRevision(nameOrPath: string, revision: string): string {
  const isOnHub = !exists(nameOrPath) && hubName(nameOrPath)?.revision === null;
  return isOnHub && revision !== "main" ? `${nameOrPath}@${revision}` : nameOrPath;
}
