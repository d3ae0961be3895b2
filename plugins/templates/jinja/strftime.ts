/**
 * `strftime_now`: a given day as Python's `strftime` writes it in the C locale.
 * @module
 */
import { item } from "../../../formats/elements.ts";
import { TemplateError } from "./values.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"],
  ...["November", "December"],
];
const DAY = 86_400_000;

/**
 * The day of a text such as "26 Jul 2024", "July 26, 2024" or "2024-07-26"; null if it isn't one.
 * @returns Midnight in UTC.
 */
export function parseDay(text: string): Date | null {
  const iso = /^(\d{4})-(\d\d?)-(\d\d?)$/.exec(text);
  const words = /^(\d\d?)\.? ([A-Za-z]{3,})\.?,? (\d{4})$/.exec(text) ??
    /^([A-Za-z]{3,})\.? (\d\d?),? (\d{4})$/.exec(text);
  if (iso === null && words === null) return null;
  let [year, month, day] = [0, 0, 0];
  if (iso !== null) [year, month, day] = [Number(iso[1]), Number(iso[2]), Number(iso[3])];
  else {
    const isDayFirst = /^\d/.test(text);
    const name = words![isDayFirst ? 2 : 1]!.toLowerCase();
    month = MONTHS.findIndex((each) =>
      each.toLowerCase() === name || each.slice(0, 3).toLowerCase() === name
    ) + 1;
    [year, day] = [Number(words![3]), Number(words![isDayFirst ? 1 : 2])];
  }
  const date = new Date(Date.UTC(year, month - 1, day));
  return month > 0 && date.getUTCDate() === day && date.getUTCMonth() === month - 1 ? date : null;
}

/**
 * Python's `date.strftime(format)`; the time of day is 00:00:00, a flag such as in `%-d` is that of Linux.
 * @throws {TemplateError} If a directive isn't known.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([a-zA-Z%])/g, (all, flag: string, directive: string) => {
    const value = directiveText(date, directive);
    if (value === undefined) throw new TemplateError(`strftime_now doesn't know the directive ${all}`);
    if (flag === "-") return value.replace(/^[0 ]+(?=\d)/, "");
    if (flag === "_") return value.replace(/^0+(?=\d)/, (zeros) => " ".repeat(zeros.length));
    if (flag === "0") return value.replace(/^ +/, (blanks) => "0".repeat(blanks.length));
    return flag === "" ? value : value.toUpperCase();
  });
}

/** `strftime` of a day given as text; null if that isn't a day. */
export function formatDay(text: string, format: string): string | null {
  const day = parseDay(text);
  return day === null ? null : strftime(day, format);
}

/** Directives that stand for others, or for the time of day, which is midnight. */
const SAME_AS: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  h: "%b",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%D",
  X: "%T",
  f: "000000",
  H: "00",
  I: "12",
  M: "00",
  n: "\n",
  p: "AM",
  S: "00",
  t: "\t",
  z: "",
  Z: "",
};

/** Directives that are read off the day. */
const OF_DAY: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => item(DAYS, date.getUTCDay()).slice(0, 3),
  A: (date) => item(DAYS, date.getUTCDay()),
  b: (date) => item(MONTHS, date.getUTCMonth()).slice(0, 3),
  B: (date) => item(MONTHS, date.getUTCMonth()),
  C: (date) => twoDigits(Math.floor(date.getUTCFullYear() / 100)),
  d: (date) => twoDigits(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2),
  G: (date) => String(isoWeek(date)[0]),
  j: (date) => String(dayOfYear(date)).padStart(3, "0"),
  m: (date) => twoDigits(date.getUTCMonth() + 1),
  u: (date) => String(date.getUTCDay() === 0 ? 7 : date.getUTCDay()),
  U: (date) => twoDigits(Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7)),
  V: (date) => twoDigits(isoWeek(date)[1]),
  w: (date) => String(date.getUTCDay()),
  W: (date) => twoDigits(Math.floor((dayOfYear(date) + 6 - sinceMonday(date)) / 7)),
  y: (date) => twoDigits(date.getUTCFullYear() % 100),
  Y: (date) => String(date.getUTCFullYear()),
  "%": () => "%",
};

function directiveText(date: Date, directive: string): string | undefined {
  const same = SAME_AS[directive];
  return same === undefined ? OF_DAY[directive]?.(date) : strftime(date, same);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** From 1 on. */
function dayOfYear(date: Date): number {
  return Math.round((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY) + 1;
}

/** Days since the week's Monday. */
function sinceMonday(date: Date): number {
  return (date.getUTCDay() + 6) % 7;
}

/** Year and week of ISO 8601. */
function isoWeek(date: Date): [year: number, week: number] {
  const thursday = new Date(date.getTime() + (3 - sinceMonday(date)) * DAY);
  const year = thursday.getUTCFullYear();
  return [year, 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7)];
}
