/**
 * Comma-separated values as Python's `csv.reader` reads them from `io.StringIO`, which is more forgiving than RFC 4180: quotes
 * within a field are letters, a quoted field may go on behind its quote, an empty line is a row without fields.
 * @module
 */

/** Characters that a field may have. */
const FIELD_LIMIT = 131_072;

/**
 * Rows of fields; undefined where Python's reader stops with an error: a carriage return within a line, or a field that is too long.
 */
export function pythonCsvRows(text: string, delimiter: string): string[][] | undefined {
  const rows: string[][] = [];
  let row: string[] = [], field = "", length = 0;
  let state: "record" | "field" | "in" | "quoted" | "quote" | "ended" = "record";
  const save = () => {
    row.push(field);
    [field, length] = ["", 0];
  };
  const close = () => {
    rows.push(row);
    [row, state] = [[], "record"];
  };
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    const last = i === lines.length - 1;
    if (last && line === "") break;
    for (const letter of last ? line : line + "\n") {
      const end = letter === "\n" || letter === "\r";
      if (state === "ended") {
        if (!end) return undefined;
      } else if (state === "quoted") {
        if (letter === '"') state = "quote";
        else [field, length] = [field + letter, length + 1];
      } else if (end) {
        if (state !== "record") save();
        state = "ended";
      } else if (letter === delimiter) {
        save();
        state = "field";
      } else if (letter === '"' && state !== "in") {
        if (state === "quote") [field, length] = [field + letter, length + 1];
        state = "quoted";
      } else {
        [field, length] = [field + letter, length + 1];
        state = "in";
      }
      if (length > FIELD_LIMIT) return undefined;
    }
    if (state === "quoted") continue;
    if (state !== "record" && state !== "ended") save();
    close();
  }
  if (state === "quoted") {
    save();
    close();
  }
  return rows;
}
