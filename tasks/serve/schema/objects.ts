/**
 * Objects: named properties in the schema's order, then those whose names are free.
 * @module
 */
import { anyOf, repeated, type Rules, terminal } from "./rules.ts";

/** Members of an object, as rules. */
export interface Members {
  /** Named ones. */
  named: readonly { name: string; value: string; isRequired: boolean }[];
  /** Those of free names, a rule for each kind: name, colon and value. */
  free: readonly string[];
  least: number;
  most: number;
}

/**
 * The rule of the objects; null: there is none. A free name may come twice, which a reader takes for one member: where more than one
 * would have to come, there is none.
 */
export function objectRule(rules: Rules, { named, free, least, most }: Members): string | null {
  const other = free.length === 0 ? null : rules.add(anyOf(free) ?? "");
  const required = named.filter(({ isRequired }) => isRequired).length;
  // without bounds that say something it isn't counted, but for none and some
  const isCounted = least > Math.max(required, 1) || least === 1 && required === 0 || most < named.length ||
    other !== null && most !== Infinity;
  const cap = isCounted ? named.length : 1;
  const known = new Map<string, string | null>();

  return wrapped(from(0, 0));

  function wrapped(members: string | null): string | null {
    return members === null ? null : rules.add(`"{" ${members} "}"`);
  }

  /** Members from one on, behind so many. */
  function from(place: number, count: number): string | null {
    const key = `${place} ${count}`, made = known.get(key);
    if (made !== undefined) return made;
    const member = named[place];
    const rule = member === undefined ? rest(count) : anyOf([
      isCounted && count >= most ? null : behind(member, place, count),
      member.isRequired ? null : from(place + 1, count),
    ]);
    const short = rule === null || rule === '""' ? rule : rules.add(rule);
    known.set(key, short);
    return short;
  }

  function behind({ name, value }: Members["named"][number], place: number, count: number): string | null {
    const more = from(place + 1, Math.min(count + 1, cap));
    if (more === null) return null;
    const comma = count === 0 ? "" : ", ";
    return `${terminal(`${comma}${JSON.stringify(name)}: `)} ${value} ${more}`;
  }

  function rest(count: number): string | null {
    const missing = isCounted ? least - count : 0, room = isCounted ? most - count : Infinity;
    if (other === null || room <= 0) return missing <= 0 ? '""' : null;
    if (missing > 1) return null;
    const more = rules.add(`", " ${other}`);
    if (count > 0) return repeated(more, Math.max(missing, 0), room);
    const some = `${other} ${repeated(more, 0, room - 1)}`;
    return missing === 1 ? `(${some})` : `(${some})?`;
  }
}
