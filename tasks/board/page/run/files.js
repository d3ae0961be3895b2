// What is read of a run's folder: checkpoints, configuration, model card, files.
import { breakable, el, table } from "../dom.js";
import { bytes } from "../format.js";

/** Parts of the page. @param {{config, fault, checkpoints, card, files}} found As the board answers `api/run` */
export function folderView({ config, fault, checkpoints, card, files }) {
  const hint = (text) => el("p", { class: "hint" }, text);
  return [
    el("h2", null, "Checkpoints"),
    checkpoints.length === 0 ? hint("There is none.") : inCard(table({
      caption: "Checkpoints",
      columns: ["name", "step", "size", "made"],
      rows: checkpoints.map((
        one,
      ) => [one.name, one.step, bytes(one.bytes), new Date(one.made).toLocaleString()]),
    })),
    el("h2", null, "Configuration"),
    fault === null ? "" : el("p", { class: "wrong" }, fault),
    config === null ? hint("The run has no run.yaml that can be shown.") : inCard(table({
      caption: "Configuration",
      left: 2,
      columns: ["key", "value"],
      rows: Object.entries(config).map(([key, value]) => [
        el("span", null, breakable(key)),
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    })),
    el("h2", null, "Model card"),
    card === null ? hint("A finished run has one.") : el("pre", { class: "raw", tabIndex: 0 }, card),
    el("h2", null, "Files"),
    inCard(table({
      caption: "Files",
      columns: ["name", "size"],
      rows: files.map((file) => [file.name, bytes(file.bytes)]),
    })),
  ];
}

function inCard(node) {
  return el("div", { class: "card" }, node);
}
