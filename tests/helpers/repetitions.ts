/**
 * Repetitions of something that chance decides: `thorough` times in `deno task test:all`, `quick` times where tests should
 * be done within minutes.
 */
export function repetitions(thorough: number, quick: number): number {
  return Deno.env.get("TEST_ALL") ? thorough : quick;
}
