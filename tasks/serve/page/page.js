// The page of `deno task serve`: asks one model or two, and shows what they answer.
import { element, showAnswer } from "./answer_view.js";
import { endInSight } from "./end_in_sight.js";
import { chatChunks, modelNames } from "./requests.js";
import { key, sampling, settingsHold, showSettings, systemMessages, toggleSettings } from "./settings.js";

const byId = (id) => document.getElementById(id);
const [left, right, talk, question, fault] = ["left", "right", "talk", "question", "fault"].map(byId);
const { toEnd, following } = endInSight(talk);

/** Rounds of the conversation: `{text, answers: [{model, said, thought, note}]}`. */
let rounds = [];
/** Stops the answers under way. */
let running = null;

function tell(text) {
  fault.textContent = text;
  fault.hidden = text === "";
}

async function listModels() {
  try {
    const names = await modelNames(key());
    const wished = new URLSearchParams(location.search);
    fill(left, names, left.value || wished.get("left") || names[0]);
    fill(right, ["", ...names], right.value || wished.get("beside") || "");
    tell("");
  } catch (error) {
    tell(error.message);
    showSettings();
  }
}

function fill(select, names, chosen) {
  select.replaceChildren(
    ...names.map((name) => new Option(name === "" ? "nobody" : name, name, false, name === chosen)),
  );
}

/** The conversation as one model has it: its own answers, or nothing where it wasn't asked. */
function messagesFor(model, text) {
  const messages = systemMessages();
  for (const round of rounds) {
    const answer = round.answers.find((each) => each.model === model);
    if (answer === undefined || (answer.said === "" && answer.note !== "")) continue;
    messages.push({ role: "user", content: round.text }, { role: "assistant", content: answer.said });
  }
  return [...messages, { role: "user", content: text }];
}

async function answer(model, messages, shown, signal) {
  const found = { model, said: "", thought: "", note: "" };
  try {
    const begun = performance.now();
    let finish = "", tokens = 0;
    for await (const chunk of chatChunks({ model, messages, ...sampling() }, { key: key(), signal })) {
      const choice = chunk.choices[0];
      tokens = chunk.usage?.completion_tokens ?? tokens;
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
