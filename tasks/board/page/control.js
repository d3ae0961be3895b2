// Starting trainings from a form of all keys, and talking to what was trained.
import { get, post } from "./api.js";
import { el } from "./dom.js";
import { jobList } from "./run.js";

/** The form. */
export function newPage({ params, news }) {
  const values = new Map(), inputs = new Map();
  const jobs = el("div", null), form = el("div", null), result = el("div", { role: "status" });
  const search = el("input", {
    type: "search",
    placeholder: "Find a key",
    "aria-label": "Find a key",
    oninput: () => narrow(),
  });
  const dry = el("button", { type: "button", class: "main", onclick: tryIt }, "Dry run");
  const start = el("button", { type: "button", disabled: true, onclick: startIt }, "Start");
  const chosen = el("pre", { class: "raw", tabIndex: 0, "aria-label": "Values that were given" });

  const changed = () => {
    start.disabled = true;
    chosen.textContent = [...values].map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join("\n") ||
      "Nothing is given yet.";
  };

  function set(key, value) {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
    changed();
  }

  function narrow() {
    const wanted = search.value.trim().toLowerCase();
    for (const details of form.querySelectorAll("details")) {
      let some = false;
      for (const row of details.querySelectorAll(".key")) {
        row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
        some ||= !row.hidden;
      }
      details.hidden = !some;
      details.open = wanted !== "" && some || details.dataset.first === "1";
    }
  }

  async function tryIt() {
    dry.disabled = true;
    result.replaceChildren(el("p", { class: "hint" }, "Trying: model and data are read"));
    try {
      const { estimate, data, notes } = await post("control/dry_run", { file: Object.fromEntries(values) });
      result.replaceChildren(
        el(
          "pre",
          { class: "raw", tabIndex: 0 },
          [data, ...notes.map((note) => `note: ${note}`), JSON.stringify(estimate, null, 1)].join("\n"),
        ),
      );
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
      result.replaceChildren(
        el("p", { class: "hint" }, "Started. It shows among the runs with its first step."),
      );
    } catch (error) {
      news.fault(error);
    }
  }

  Promise.all([get("control/form"), params.has("run") ? get("run", { run: params.get("run") }) : null]).then(
    ([{ schema, groups, start: example }, from]) => {
      const begin = from?.config ?? example;
      for (const [key, value] of Object.entries(begin)) {
        if (schema.properties[key] !== undefined && value !== null && key !== "output_dir") {
          values.set(key, value);
        }
      }
      form.replaceChildren(...groups.map(({ title, keys }, i) =>
        el(
          "details",
          { class: "card", open: i === 0, "data-first": i === 0 ? "1" : "0" },
          el("summary", null, title),
          keys.map((key) =>
            keyRow(
              key,
              schema.properties[key] ?? {},
              schema.required.includes(key),
              values.get(key),
              set,
              inputs,
            )
          ),
        )
      ));
      changed();
    },
  ).catch(news.fault);

  function told() {
    jobs.replaceChildren(...jobList(news));
  }
  told();
  return {
    node: el(
      "div",
      { class: "split form" },
      el("div", { class: "pane" }, el("h1", null, "New training"), search, form),
      el(
        "div",
        { class: "card side" },
        el("h2", null, "Given"),
        chosen,
        el("div", { class: "buttons" }, dry, start),
        result,
        el("h2", null, "Started here"),
        jobs,
      ),
    ),
    title: "New training",
    close: news.listen(told),
  };
}

/** A key with its field and its help. */
function keyRow(key, property, required, value, set, inputs) {
  const id = `key-${key}`, help = `help-${key}`;
  const { input, read } = inputFor(property, value);
  Object.assign(input, {
    id,
    onchange: () => {
      const given = read();
      input.setCustomValidity?.(given instanceof Error ? given.message : "");
      if (given instanceof Error) input.reportValidity?.();
      else set(key, given);
    },
  });
  input.setAttribute("aria-describedby", help);
  inputs.set(key, input);
  return el(
    "div",
    { class: "key" },
    el("label", { htmlFor: id }, key, required ? " (must be given)" : ""),
    input,
    el("p", { id: help, class: "note" }, property.description ?? ""),
  );
}

/** A field for a key's type: a menu where there are few values, else text that is read as JSON where it isn't a plain text. */
function inputFor(property, value) {
  const choices = choicesOf(property);
  if (choices !== null) {
    const input = el(
      "select",
      null,
      new Option("default", ""),
      choices.map((choice) => new Option(String(choice), JSON.stringify(choice))),
    );
    input.value = value === undefined ? "" : JSON.stringify(value);
    return { input, read: () => input.value === "" ? undefined : JSON.parse(input.value) };
  }
  const types = typesOf(property);
  const input = el("input", {
    type: "text",
    autocomplete: "off",
    value: value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value),
  });
  if (property.default !== undefined) input.placeholder = JSON.stringify(property.default);
  const read = () => {
    const text = input.value.trim();
    if (text === "") return undefined;
    const plain = types.has("string") || types.size === 0;
    try {
      const parsed = JSON.parse(text);
      return typeof parsed === "string" || !plain || types.has(typeof parsed) || typeof parsed === "object"
        ? parsed
        : text;
    } catch {
      return plain ? text : new Error(`${[...types].join(" or ")} is needed`);
    }
  };
  return { input, read };
}

function choicesOf(property) {
  const parts = property.anyOf?.flatMap((part) => part.anyOf ?? [part]) ?? [property];
  const values = parts.map((part) =>
    part.enum ??
      (part.const !== undefined
        ? [part.const]
        : part.type === "boolean"
        ? [true, false]
        : part.type === "null"
        ? [null]
        : null)
  );
  return values.includes(null) || values.flat().length === 0 ? null : [...new Set(values.flat())];
}

function typesOf(property) {
  const parts = property.anyOf?.flatMap((part) => part.anyOf ?? [part]) ?? [property];
  return new Set(
    parts.flatMap(({ type }) => type ?? []).map((type) => type === "integer" ? "number" : type).filter((
      type,
    ) => type !== "null"),
  );
}

/** The page of a server over a run's model, beside its base. */
export function talkPage({ params, news }) {
  const run = params.get("run") ?? "";
  const box = el("div", { class: "talk" }, el("p", { class: "hint", role: "status" }, "Opening the model"));
  post("control/talk", { run }).then(({ id, left, right }) => {
    const query = new URLSearchParams({ left, ...(right !== "" && { beside: right }) });
    box.replaceChildren(
      el("iframe", { title: `Talk to ${id}`, src: `talk/${encodeURIComponent(id)}/?${query}` }),
    );
  }).catch((error) => {
    box.replaceChildren();
    news.fault(error);
  });
  return { node: box, title: "Talk" };
}
