/**
 * MiniMax's errors: a reply of status 200 whose `base_resp` has a code of its own.
 * https://platform.minimax.io/docs/api-reference/errorcode
 * @module
 */

/** HTTP's status for a code; those that aren't here say by their words what they are, or are failures of the server (1000, 1024, 1033). */
const STATUS: Readonly<Record<string, number>> = {
  1001: 408, // request timeout
  1002: 429, // rate limit
  1004: 401, // not authorized
  1008: 402, // insufficient balance
  1026: 400, // input held back
  1027: 400, // output held back
  1039: 429, // token limit: retry later
  1041: 429, // connection limit
  1042: 400, // invisible characters
  2013: 400, // invalid params
  2045: 429, // rate growth limit
  2049: 401, // invalid api key
  2056: 402, // a plan's usage limit, for hours
};

/** The error of a `base_resp` as other servers tell theirs. */
export function minimaxError(
  { status_code, status_msg }: Readonly<Record<string, unknown>>,
): { message: string; code: unknown; status?: number } {
  const status = STATUS[String(status_code)];
  return {
    message: `${status_msg ?? "an error without words"} (${status_code})`,
    code: status_code,
    ...(status !== undefined && { status }),
  };
}
