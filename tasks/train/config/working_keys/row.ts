/**
 * How the files beside this one write their rows.
 * @module
 */
import type { KeyGroup, KeyType, REQUIRED, WorkingKey } from "../key.ts";

/**
 * Makes a row of its group.
 * @param fallback Value when the key isn't given; null where the resolved default depends on other keys
 */
export type KeyRow = <T>(
  type: KeyType<T>,
  fallback: NoInfer<T> | typeof REQUIRED,
  description: string,
  more?: Pick<WorkingKey<T>, "derived" | "refused">,
) => WorkingKey<T>;

/** Rows of one group. */
export function keyRows(group: KeyGroup): KeyRow {
  return (type, fallback, description, more = {}) => ({
    state: "works",
    group,
    type,
    default: fallback,
    description,
    ...more,
  });
}
