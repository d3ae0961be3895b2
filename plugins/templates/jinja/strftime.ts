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

function directiveText(date: Date, directive: string): string | undefined {
  const two = (value: number) => String(value).padStart(2, "0");
  const [year, month, day, weekday] = [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCDay(),
  ];
  const dayOfYear = Math.round((date.getTime() - Date.UTC(year, 0, 1)) / DAY) + 1;
  const again = (format: string) => strftime(date, format);
  switch (directive) {
    case "a":
      return item(DAYS, weekday).slice(0, 3);
    case "A":
      return item(DAYS, weekday);
    case "b":
    case "h":
      return item(MONTHS, month).slice(0, 3);
    case "B":
      return item(MONTHS, month);
    case "c":
      return again("%a %b %e %H:%M:%S %Y");
    case "C":
      return two(Math.floor(year / 100));
    case "d":
      return two(day);
    case "D":
    case "x":
      return again("%m/%d/%y");
    case "e":
      return String(day).padStart(2);
    case "f":
      return "000000";
    case "F":
      return again("%Y-%m-%d");
    case "G":
      return String(isoWeek(date)[0]);
    case "H":
    case "M":
    case "S":
      return "00";
    case "I":
      return "12";
    case "j":
      return String(dayOfYear).padStart(3, "0");
    case "m":
      return two(month + 1);
    case "n":
      return "\n";
    case "p":
      return "AM";
    case "R":
      return "00:00";
    case "t":
      return "\t";
    case "T":
    case "X":
      return "00:00:00";
    case "u":
      return String(weekday === 0 ? 7 : weekday);
    case "U":
      return two(Math.floor((dayOfYear + 6 - weekday) / 7));
    case "V":
      return two(isoWeek(date)[1]);
    case "w":
      return String(weekday);
    case "W":
      return two(Math.floor((dayOfYear + 6 - ((weekday + 6) % 7)) / 7));
    case "y":
      return two(year % 100);
    case "Y":
      return String(year);
    case "z":
    case "Z":
      return "";
    case "%":
      return "%";
    default:
      return undefined;
  }
}

/** Year and week of ISO 8601. */
function isoWeek(date: Date): [year: number, week: number] {
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * DAY);
  const year = thursday.getUTCFullYear();
  return [year, 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7)];
}
