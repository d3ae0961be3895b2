/**
 * Lines that a person types: words for the model, or commands.
 * @module
 */
import { didYouMean } from "../../formats/did_you_mean.ts";

/** A typed line, as read: words for the model, or a command. */
export type ChatLine =
  | { type: "say"; text: string }
  | { type: "nothing" }
  | { type: "system"; text: string }
  | { type: "retry" }
  | { type: "clear" }
  | { type: "save"; path: string }
  | { type: "help" }
  | { type: "exit" }
  | { type: "wrong"; why: string };

/** Commands and what they do. */
const CHAT_COMMANDS: Readonly<Record<string, string>> = {
  "/system TEXT": "sets the system text and starts over; without TEXT there is none",
  "/retry": "asks for the last answer again",
  "/clear": "forgets the conversation, not the system text",
  "/save FILE": "writes it as JSON lines: training data in OpenAI's shape",
  "/help": "this list",
  "/exit": "ends, as Ctrl-D does; Ctrl-C only stops an answer",
};

/** Reads a line. A line that is to begin with a slash is written with two. */
export function readLine(line: string): ChatLine {
  const text = line.trim();
  if (text === "") return { type: "nothing" };
  if (text.startsWith("//")) return { type: "say", text: text.slice(1) };
  if (!text.startsWith("/")) return { type: "say", text };
  const [, name = "", rest = ""] = /^\/(\S*)\s*([^]*)$/.exec(text) ?? [];
  switch (name) {
    case "system":
      return { type: "system", text: rest };
    case "save":
      return rest === ""
        ? { type: "wrong", why: "Cannot save without a name: /save FILE" }
        : { type: "save", path: rest };
    case "quit":
      return { type: "exit" };
    case "retry":
    case "clear":
    case "help":
    case "exit":
      return { type: name };
  }
  const known = Object.keys(CHAT_COMMANDS).map((command) => command.split(" ")[0] ?? "");
  // the beginning of a command may be too short to be near it
  const begun = known.filter((command) => name !== "" && command.startsWith(`/${name}`));
  const hint = begun.length === 1 ? ` - did you mean "${begun[0]}"?` : didYouMean(`/${name}`, known);
  return {
    type: "wrong",
    why: `Cannot follow /${
      name.slice(0, 40)
    }${hint}: /help lists the commands, and // begins a text with a slash`,
  };
}

/** The text of `/help`. */
export function chatHelp(): string {
  const width = Math.max(...Object.keys(CHAT_COMMANDS).map((command) => command.length)) + 2;
  return Object.entries(CHAT_COMMANDS).map(([command, what]) => `  ${command.padEnd(width)}${what}`).join(
    "\n",
  );
}
