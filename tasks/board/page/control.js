// Starting trainings from a form of all keys, and talking to what was trained.
import { get, post } from "./api.js";
import { el, later, refill, save, table } from "./dom.js";
import { bytes, compact, duration } from "./format.js";
import { makeJobList } from "./jobs.js";
import { keyRow } from "./key_field.js";

/** The form; `?run=ID` begins with a run's values, `&resume=1` goes on where it stopped. */
export function newPage({ params, news }) {
  const values = new Map(), rows = new Map();
  const form = el("div", null), result = el("div", { role: "status" });
  const count = el("p", { class: "count", role: "status" });
  const search = el("input", {
    type: "search",
    placeholder: "Find a key by its name or its help",
    "aria-label": "Find a key",
    oninput: later(100, narrow),
  });
  const dry = el("button", { type: "button", class: "main", onclick: tryIt }, "Dry run");
  const start = el("button", { type: "button", class: "main", disabled: true, onclick: startIt }, "Start");
  const chosen = el("pre", { class: "raw", tabIndex: 0, "aria-label": "Values that were given, as YAML" });
  const lines = (given) => given.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join("");
  const saved = el("button", {
    type: "button",
    onclick: () =>
      save(
        "train.yaml",
        new Blob([lines([...values].filter(([key]) => !secrets.has(key)))], { type: "application/yaml" }),
      ),
  }, "Save as YAML");
  const opened = el("input", {
    type: "file",
    accept: ".yaml,.yml,.json",
    class: "unseen",
    "aria-label": "Open a training file",
    onchange: openFile,
  });
  let properties = {}, secrets = new Set(), turn = 0;

  function changed() {
    turn++;
    start.disabled = true;
    const shown = [...values].map(([key, value]) => [key, secrets.has(key) ? "[hidden]" : value]);
    chosen.textContent = lines(shown) || "Nothing is given yet.";
    for (const [key, row] of rows) row.node.classList.toggle("given", values.has(key));
  }

  function set(key, value) {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
    changed();
  }

  /** Takes these values and no others. */
  function fill(given) {
    values.clear();
    for (const [key, value] of Object.entries(given)) values.set(key, value);
    for (const [key, row] of rows) row.show(values.get(key));
    changed();
  }

  function narrow() {
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    for (const details of form.querySelectorAll("details")) {
      let some = 0;
      for (const row of details.querySelectorAll(".key")) {
        row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
        if (!row.hidden) some++;
      }
      found += some;
      details.hidden = some === 0;
      details.open = wanted === "" ? details.dataset.first === "1" : some > 0;
    }
    count.textContent = wanted === "" ? "" : `${found} of ${rows.size} keys`;
  }

  async function tryIt() {
    const mine = turn;
    dry.disabled = true;
    result.replaceChildren(el("p", { class: "hint" }, "Model and data are read"));
    try {
      const found = await post("control/dry_run", { file: Object.fromEntries(values) });
      if (mine !== turn) return result.replaceChildren();
      result.replaceChildren(...dryRunView(found));
      start.disabled = false;
    } catch (error) {
      result.replaceChildren(el("p", { class: "wrong" }, error.message));
    } finally {
      dry.disabled = false;
    }
  }

  async function startIt() {
    start.disabled = true;
    try {
      await post("control/start", { file: Object.fromEntries(values) });
      result.replaceChildren(el("p", { class: "hint" }, "Started: see below."));
    } catch (error) {
      news.fault(error);
    }
  }

  async function openFile() {
    const [file] = opened.files;
    if (file === undefined) return;
    try {
      const { file: given } = await post("control/values", { text: await file.text() });
      fill(given);
      result.replaceChildren(el("p", { class: "hint" }, `The values are those of ${file.name}.`));
    } catch (error) {
      result.replaceChildren(el("p", { class: "wrong" }, error.message));
    }
    opened.value = "";
  }

  /** Values of a run that aren't defaults; secrets are hidden there, and a form has none. */
  function valuesOf({ config, folder }, example) {
    const own = Object.entries(config ?? {}).filter(([key, value]) =>
      properties[key] !== undefined && value !== null && !secrets.has(key) && key !== "output_dir" &&
      JSON.stringify(value) !== JSON.stringify(properties[key].default)
    );
    const resumes = params.get("resume") === "1";
    return {
      ...Object.fromEntries(own),
      output_dir: resumes ? folder : example.output_dir,
      ...(resumes && { resume_from_checkpoint: true }),
    };
  }

  // what comes in above would move a button away from under a finger
  const jobs = makeJobList(news);
  jobs.node.hidden = true;
  Promise.all([get("control/form"), params.has("run") ? get("run", { run: params.get("run") }) : null]).then(
    ([{ schema, groups, secrets: hidden, start: example }, from]) => {
      secrets = new Set(hidden);
      properties = schema.properties;
      form.replaceChildren(...groups.map(({ title, keys }, i) =>
        el(
          "details",
          { class: "card", open: i === 0, "data-first": i === 0 ? "1" : "0" },
          el("summary", null, `${title} `, el("span", { class: "note" }, `${keys.length} keys`)),
          keys.map((key) => {
            const row = keyRow(key, properties[key] ?? {}, {
              required: schema.required.includes(key),
              secret: secrets.has(key),
              set,
            });
            rows.set(key, row);
            return row.node;
          }),
        )
      ));
      fill(from === null ? example : valuesOf(from, example));
    },
  ).catch(news.fault).finally(() => jobs.node.hidden = false);

  jobs.show();
  return {
    node: el(
      "div",
      { class: "split form" },
      el("div", { class: "pane" }, el("h1", null, "New training"), search, count, form),
      el(
        "div",
        { class: "card side" },
        el("h2", null, "Given"),
        chosen,
        el("div", { class: "buttons" }, dry, start),
        result,
        el(
          "div",
          { class: "buttons" },
          saved,
          el("button", { type: "button", onclick: () => opened.click() }, "Open a file"),
          opened,
        ),
        el("h2", null, "Started here"),
        jobs.node,
      ),
    ),
    title: "New training",
    close: news.listen(() => jobs.show()),
  };
}

/** Findings of a dry run. */
function dryRunView({ estimate, data, notes }) {
  const { parameters, trained, steps, memory, place, time } = estimate;
  return [
    table({
      caption: "Findings of the dry run",
      left: 2,
      columns: ["of the run", "value"],
      rows: [
        ["weights", compact(parameters)],
        ["of these trained", compact(trained)],
        ["steps", steps],
        [place === "host" ? "memory" : "memory of the device", bytes(memory.total)],
        ["time", time === null ? "not known" : duration(time.total)],
      ],
    }),
    el("pre", { class: "raw", tabIndex: 0 }, [data, ...notes.map((note) => `note: ${note}`)].join("\n")),
  ];
}

/** The page of a server over a run's model, beside its base. */
export function talkPage({ params, news }) {
  const run = params.get("run") ?? "";
  const box = el("div", null, el("p", { class: "hint", role: "status" }, "Opening the model"));
  const head = el("h1", null);
  const told = () => {
    const name = news.runs.find(({ id }) => id === run)?.name ?? run;
    refill(head, "Talk to ", el("a", { href: `#/run?run=${encodeURIComponent(run)}` }, name));
  };
  told();
  post("control/talk", { run }).then(({ id, left, right }) => {
    const query = new URLSearchParams({ left, ...(right !== "" && { beside: right }) });
    box.replaceChildren(
      el("iframe", { title: `Talk to ${id}`, src: `talk/${encodeURIComponent(id)}/?${query}` }),
    );
  }).catch((error) => {
    box.replaceChildren();
    news.fault(error);
  });
  return { node: el("div", { class: "talk" }, head, box), title: "Talk", close: news.listen(told) };
}
