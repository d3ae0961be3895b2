// Given values as a training file: shown, saved, and read from one.
import { post } from "../api.js";
import { el, save } from "../dom.js";

/**
 * The parts.
 * @param {{values: Map<string, unknown>, secrets: Set<string>}} form
 * @param {(given: object, name: string) => void} onopen Gets the values of an opened file and its name
 * @param {(error: Error) => void} onfault
 */
export function trainingFile(form, onopen, onfault) {
  const shown = el("pre", { class: "raw", tabIndex: 0, "aria-label": "Values that were given, as YAML" });
  const opened = el("input", {
    type: "file",
    accept: ".yaml,.yml,.json",
    class: "unseen",
    "aria-label": "Open a training file",
    onchange: openFile,
  });

  async function openFile() {
    const [file] = opened.files;
    if (file === undefined) return;
    try {
      const { file: given } = await post("control/values", { text: await file.text() });
      onopen(given, file.name);
    } catch (error) {
      onfault(error);
    }
    opened.value = "";
  }

  function saveFile() {
    const given = [...form.values].filter(([key]) => !form.secrets.has(key));
    save("train.yaml", new Blob([yamlOf(given)], { type: "application/yaml" }));
  }

  return {
    shown,
    buttons: el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", onclick: saveFile }, "Save as YAML"),
      el("button", { type: "button", onclick: () => opened.click() }, "Open a file"),
      opened,
    ),
    /** Shows the values now, secrets hidden. */
    show() {
      const given = [...form.values].map(([key, value]) => [key, form.secrets.has(key) ? "[hidden]" : value]);
      shown.textContent = yamlOf(given) || "Nothing is given yet.";
    },
  };
}

function yamlOf(given) {
  return given.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join("");
}
