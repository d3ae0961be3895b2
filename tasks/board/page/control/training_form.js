// The form of all keys of a training file, in groups, with a search over their names and help.
import { el, later } from "../dom.js";
import { keyRow } from "./key_field.js";

/** The form; it has no keys before `build()`. `node` is its element, `values` what is given, by key. */
export class TrainingForm {
  values = new Map();
  secrets = new Set();
  #properties = {};
  #rows = new Map();
  #onchange;
  #groups = el("div", null);
  #count = el("p", { class: "count", role: "status" });
  #search = el("input", {
    type: "search",
    placeholder: "Find a key by its name or its help",
    "aria-label": "Find a key",
    oninput: later(100, () => this.#narrow()),
  });

  /** @param {() => void} onchange Called when other values are given */
  constructor(onchange) {
    this.#onchange = onchange;
    this.node = el(
      "div",
      { class: "pane" },
      el("h1", null, "New training"),
      this.#search,
      this.#count,
      this.#groups,
    );
  }

  /** Makes the fields. @param {{schema, groups, secrets}} found As the board answers `api/control/form` */
  build({ schema, groups, secrets }) {
    this.secrets = new Set(secrets);
    this.#properties = schema.properties;
    const set = (key, value) => this.#set(key, value);
    const rowOf = (key) => {
      const property = this.#properties[key] ?? {};
      const row = keyRow(key, property, {
        required: schema.required.includes(key),
        secret: this.secrets.has(key),
        set,
      });
      this.#rows.set(key, row);
      return row.node;
    };
    this.#groups.replaceChildren(...groups.map(({ title, keys }, i) =>
      el(
        "details",
        { class: "card", open: i === 0, "data-first": i === 0 ? "1" : "0" },
        el("summary", null, `${title} `, el("span", { class: "note" }, `${keys.length} keys`)),
        keys.map(rowOf),
      )
    ));
  }

  /** Takes these values and no others. */
  fill(given) {
    this.values.clear();
    for (const [key, value] of Object.entries(given)) this.values.set(key, value);
    for (const [key, row] of this.#rows) row.show(this.values.get(key));
    this.#changed();
  }

  /** Values of a configuration that aren't defaults; secrets are hidden there, and a form has none. */
  ownValues(config) {
    return Object.fromEntries(
      Object.entries(config ?? {}).filter(([key, value]) =>
        this.#properties[key] !== undefined && value !== null && !this.secrets.has(key) &&
        JSON.stringify(value) !== JSON.stringify(this.#properties[key].default)
      ),
    );
  }

  #set(key, value) {
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
    this.#changed();
  }

  #changed() {
    for (const [key, row] of this.#rows) row.node.classList.toggle("given", this.values.has(key));
    this.#onchange();
  }

  #narrow() {
    const wanted = this.#search.value.trim().toLowerCase();
    let found = 0;
    for (const details of this.#groups.querySelectorAll("details")) {
      let some = 0;
      for (const row of details.querySelectorAll(".key")) {
        row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
        if (!row.hidden) some++;
      }
      found += some;
      details.hidden = some === 0;
      details.open = wanted === "" ? details.dataset.first === "1" : some > 0;
    }
    this.#count.textContent = wanted === "" ? "" : `${found} of ${this.#rows.size} keys`;
  }
}
