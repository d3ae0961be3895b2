// The page of `deno task serve`: talks to this server's own interface, and to nothing else.

const byId = (id) => document.getElementById(id);
const [left, right, talk, question, fault] = ["left", "right", "talk", "question", "fault"].map(byId);

/** Rounds of the conversation: `{text, answers: [{model, said, thought, note}]}`. */
let rounds = [];
/** Stops the answers under way. */
let running = null;

function headers() {
  const key = byId("key").value.trim();
  return { "content-type": "application/json", ...(key !== "" && { authorization: `Bearer ${key}` }) };
}

function tell(text) {
  fault.textContent = text;
  fault.hidden = text === "";
}

async function messageOf(reply) {
  try {
    return (await reply.json()).error.message;
  } catch {
    return `The server answered with status ${reply.status}`;
  }
}

/** What the server gives; browsers call a lost connection by a word of their own each, in a TypeError. */
async function reached(reply) {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error("The connection to the server was lost: is it still running?");
  }
}

async function listModels() {
  try {
    const reply = await reached(fetch("v1/models", { headers: headers() }));
    if (!reply.ok) throw new Error(await messageOf(reply));
    const names = (await reply.json()).data.map(({ id }) => id);
    const wished = new URLSearchParams(location.search);
    fill(left, names, left.value || wished.get("left") || names[0]);
    fill(right, ["", ...names], right.value || wished.get("beside") || "");
    tell("");
  } catch (error) {
    tell(error.message);
    if (byId("settings").hidden) toggleSettings();
  }
}

function fill(select, names, chosen) {
  select.replaceChildren(
    ...names.map((name) => new Option(name === "" ? "nobody" : name, name, false, name === chosen)),
  );
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/**
 * Shows text in a box as it is, blocks of code in letters of one width, their fences included.
 * @returns Adds text
 */
function textWithCode(box) {
  // characters of the last text up to the line that is still coming
  let begun = 0, code = null;
  let tail = box.appendChild(new Text());
  const move = (length, place) => {
    tail = tail.splitText(length);
    place.append(tail);
    begun = 0;
  };
  return (more) => {
    tail.appendData(more);
    for (let end = tail.data.indexOf("\n", begun); end >= 0; end = tail.data.indexOf("\n", begun)) {
      const isFence = /^ {0,3}```/.test(tail.data.slice(begun, end));
      if (!isFence) begun = end + 1;
      else if (code === null) {
        const ahead = begun;
        code = box.appendChild(element("pre", "code"));
        move(ahead, code);
        begun = end + 1 - ahead;
      } else {
        move(end + 1, box);
        code = null;
      }
    }
  };
}

/** Shows an answer; gives what changes it. */
function showAnswer(box, model) {
  const card = element("article", "answer running");
  const details = document.createElement("details"), thought = element("div", "thought");
  details.append(element("summary", "", "Thoughts"), thought);
  details.hidden = true;
  const text = element("div", "text"), foot = element("p", "foot");
  foot.hidden = true;
  card.append(element("h2", "", model), details, text, foot);
  box.append(card);
  return {
    said: textWithCode(text),
    thought(more) {
      details.hidden = false;
      thought.append(more);
    },
    ended(note) {
      card.classList.remove("running");
      foot.textContent = note;
      foot.hidden = note === "";
    },
  };
}

/** The conversation as one model has it: its own answers, or nothing where it wasn't asked. */
function messagesFor(model, text) {
  const system = byId("system").value.trim();
  const messages = system === "" ? [] : [{ role: "system", content: system }];
  for (const round of rounds) {
    const answer = round.answers.find((each) => each.model === model);
    if (answer === undefined || (answer.said === "" && answer.note !== "")) continue;
    messages.push({ role: "user", content: round.text }, { role: "assistant", content: answer.said });
  }
  return [...messages, { role: "user", content: text }];
}

function number(id) {
  const { value } = byId(id);
  return value.trim() === "" ? undefined : Number(value);
}

async function answer(model, messages, shown, signal) {
  const found = { model, said: "", thought: "", note: "" };
  try {
    const body = {
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      temperature: number("temperature"),
      max_tokens: number("max-tokens"),
      seed: number("seed"),
    };
    const begun = performance.now();
    const reply = await reached(fetch("v1/chat/completions", {
      method: "POST",
      headers: headers(),
      body: JSON.stringify(body),
      signal,
    }));
    if (!reply.ok) throw new Error(await messageOf(reply));
    let finish = "", tokens = 0;
    for await (const event of events(reply.body)) {
      if (event.error) throw new Error(event.error.message);
      const choice = event.choices[0];
      tokens = event.usage?.completion_tokens ?? tokens;
      finish = choice?.finish_reason ?? finish;
      const { content, reasoning } = choice?.delta ?? {};
      following(() => {
        if (reasoning) {
          found.thought += reasoning;
          shown.thought(reasoning);
        }
        if (content) {
          found.said += content;
          shown.said(content);
        }
      });
    }
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const cut = finish === "length" ? ", cut at the limit of tokens" : "";
    following(() => shown.ended(`${tokens} tokens, ${seconds} s${cut}`));
  } catch (error) {
    found.note = signal.aborted ? "stopped" : error.message;
    following(() => shown.ended(found.note));
    if (!signal.aborted) tell(found.note);
  }
  return found;
}

/** Whether the conversation's end was in sight when it was looked at last, and where the conversation stood then. */
let atEnd = true, held = 0;
const isAtEnd = () => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60;
talk.addEventListener("scroll", () => {
  // an end that less room took out of sight isn't one that somebody has left
  if (talk.scrollTop !== held) atEnd = isAtEnd();
  held = talk.scrollTop;
});
const sizes = new ResizeObserver(() => atEnd && toEnd());
sizes.observe(talk);

function toEnd() {
  talk.scrollTop = talk.scrollHeight;
  held = talk.scrollTop;
  atEnd = true;
}

/** Makes the conversation longer, and stays at its end where that was in sight. */
function following(change) {
  const follows = isAtEnd() || atEnd && talk.scrollTop === held;
  change();
  if (follows) toEnd();
}

/** Bodies of a stream of server-sent events. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reached(reader.read());
    if (done) throw new Error("The server ended the answer before its end");
    held += value;
    const parts = held.split("\n\n");
    held = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, "");
      if (data === "[DONE]") return;
      if (part.startsWith("data: ")) yield JSON.parse(data);
    }
  }
}

async function ask(text) {
  tell("");
  byId("empty")?.remove();
  const models = [...new Set([left.value, right.value].filter((name) => name !== ""))];
  if (models.length === 0) return tell("There is no model to ask: the server may need a key, see Settings");
  const round = element("section", "round"), box = element("div", "answers");
  round.append(element("p", "question", text), box);
  talk.append(round);
  running = new AbortController();
  changed();
  const asked = models.map((model) => [model, messagesFor(model, text), showAnswer(box, model)]);
  toEnd();
  const answers = await Promise.all(
    asked.map(([model, messages, shown]) => answer(model, messages, shown, running.signal)),
  );
  rounds.push({ text, answers });
  running = null;
  const isFree = [document.body, byId("stop"), null].includes(document.activeElement);
  changed();
  // who is elsewhere meanwhile, in the settings or among the answers, stays there
  if (isFree) question.focus();
}

function changed() {
  const busy = running !== null;
  talk.setAttribute("aria-busy", String(busy));
  byId("send").hidden = busy;
  byId("stop").hidden = !busy;
  // the button that was pressed is gone or disabled
  if (busy && document.activeElement !== question) byId("stop").focus();
  for (const id of ["retry", "save", "clear"]) byId(id).disabled = busy || rounds.length === 0;
}

function toggleSettings() {
  const settings = byId("settings"), button = byId("settings-button");
  settings.hidden = !settings.hidden;
  button.setAttribute("aria-expanded", String(!settings.hidden));
}

/** Whether every setting is one that its field takes; else shows the one that isn't. */
function settingsHold() {
  const wrong = byId("settings").querySelector("input:invalid");
  if (wrong === null) return true;
  if (byId("settings").hidden) toggleSettings();
  return wrong.reportValidity();
}

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight + 2}px`;
}

function save() {
  const models = [...new Set(rounds.flatMap(({ answers }) => answers.map(({ model }) => model)))];
  const lines = models.map((model) =>
    JSON.stringify({ model, messages: messagesFor(model, "").slice(0, -1) }) + "\n"
  );
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  link.download = "conversation.jsonl";
  link.click();
  URL.revokeObjectURL(link.href);
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text === "" || running !== null || !settingsHold()) return;
  question.value = "";
  grow();
  ask(text);
});
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  byId("ask").requestSubmit();
});
question.addEventListener("input", grow);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
byId("stop").addEventListener("click", () => running?.abort());
byId("retry").addEventListener("click", () => {
  if (!settingsHold()) return;
  const last = rounds.pop();
  talk.lastElementChild?.remove();
  ask(last.text);
});
byId("save").addEventListener("click", save);
byId("clear").addEventListener("click", () => {
  rounds = [];
  talk.replaceChildren();
  changed();
  question.focus();
});
byId("settings-button").addEventListener("click", toggleSettings);
byId("key").addEventListener("change", listModels);
listModels();
