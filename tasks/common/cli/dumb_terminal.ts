/**
 * Terminals that know no commands, as those within editors: what moves their cursor or colours them would be shown as signs.
 * @module
 */

/** True in such a terminal. @param term The variable TERM */
export function isDumbTerminal(term: string | undefined = Deno.env.get("TERM")): boolean {
  return term === "dumb";
}
