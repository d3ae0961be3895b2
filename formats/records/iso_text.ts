/**
 * Times and dates of parquet and Arrow files as ISO 8601 texts.
 * @module
 */

/**
 * The time of a count of units since 1970, as in `2024-01-02T03:04:05.000Z`, with all digits of a second that it has; undefined beyond
 * the years that a date has.
 * @param perSecond Units in a second
 */
export function isoText(count: bigint, perSecond: bigint): string | undefined {
  const rest = ((count % perSecond) + perSecond) % perSecond;
  const date = new Date(Number((count - rest) / perSecond) * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  const digits = (rest * (1_000_000_000n / perSecond)).toString().padStart(9, "0");
  return `${date.toISOString().slice(0, -"000Z".length)}${digits.replace(/(?:000){1,2}$/, "")}Z`;
}

/** The date of a count of days since 1970, as in `2024-01-02`; undefined beyond the years that a date has. */
export function isoDate(days: bigint): string | undefined {
  return isoText(days * 86_400n, 1n)?.slice(0, -"T00:00:00.000Z".length);
}
