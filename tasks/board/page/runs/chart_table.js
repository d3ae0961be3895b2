// A chart in numbers, for those who see no picture.
import { table } from "../dom.js";
import { placeOf, valueOf } from "../format.js";

/** First, lowest, highest and last value of every run. @param {object} state As `Chart.show` takes it */
export function numbersTable(title, name, { runs, view, over, nameOf }) {
  return table({
    caption: `${title}: first, lowest, highest and last value of every run`,
    columns: ["run", `${over} from`, "to", "first", "lowest", "highest", "last"],
    rows: runs.map((run, i) => {
      const known = view.lines[i].map((value, place) => [view.x[place], value])
        .filter(([, value]) => value !== null);
      if (known.length === 0) return [nameOf(run), "–", "–", "–", "–", "–", "–"];
      const values = known.map(([, value]) => value);
      const lowest = values.reduce((a, b) => Math.min(a, b));
      const highest = values.reduce((a, b) => Math.max(a, b));
      return [
        nameOf(run),
        ...[known[0][0], known.at(-1)[0]].map((place) => placeOf(over, place)),
        ...[values[0], lowest, highest, values.at(-1)].map((value) => valueOf(name, value)),
      ];
    }),
  });
}
