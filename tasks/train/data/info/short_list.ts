/**
 * Names in messages.
 * @module
 */
/** Names for a message, at most twenty. */
export function shortList(names: readonly string[]): string {
  return names.length > 20
    ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more`
    : names.join(", ");
}
