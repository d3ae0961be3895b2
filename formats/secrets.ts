/**
 * Keeps keys, tokens and passwords out of what is printed or written. Every printer (errors, notes, `--dry-run`, run.yaml,
 * reports) goes through here. A secret is known by the name that it is given under, by its shape, or as the user part of
 * an address; names of environment variables (`api_key_env`, `$NAME`) aren't secret.
 * @module
 */

/** Text shown instead of a secret. */
export const HIDDEN = "[hidden]";

const SECRET_WORDS = new Set([
  "token",
  "secret",
  "password",
  "passwd",
  "passphrase",
  "pwd",
  "apikey",
  "credential",
  "credentials",
  "authorization",
  "bearer",
  "cookie",
  "signature",
]);
/** Words in front of `key` that make it a secret. */
const KEY_WORDS = new Set([
  "api",
  "access",
  "auth",
  "account",
  "client",
  "encryption",
  "private",
  "secret",
  "service",
  "signing",
  "subscription",
]);
/** Words in front of `token` that make it a part of a vocabulary or a count. */
const VOCABULARY_WORDS = new Set([
  "additional",
  "audio",
  "begin",
  "bos",
  "cls",
  "end",
  "eod",
  "eos",
  "first",
  "flops",
  "image",
  "last",
  "mask",
  "max",
  "min",
  "pad",
  "per",
  "sep",
  "special",
  "start",
  "stop",
  "unk",
  "video",
]);

/** Keys and tokens of well-known services by their shape. */
const SHAPES = new RegExp(
  [
    "\\bhf_[A-Za-z0-9]{8,}",
    "\\bapi_org_[A-Za-z0-9]{8,}",
    "\\b[sr]k-[A-Za-z0-9_-]{12,}",
    "\\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}",
    "\\bgh[oprsu]_[A-Za-z0-9]{16,}",
    "\\bgithub_pat_[A-Za-z0-9_]{16,}",
    "\\bglpat-[A-Za-z0-9_-]{16,}",
    "\\bxox[abeoprs]-[A-Za-z0-9-]{8,}",
    "\\b(?:gsk|nvapi|xai|r8|pplx|tgp|fw|npm|dapi|lsv2|wandb)[_-][A-Za-z0-9_-]{16,}",
    "\\bAIza[A-Za-z0-9_-]{30,}",
    "\\b(?:AKIA|ASIA)[A-Z0-9]{12,}",
    "\\beyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*",
    "(?<=\\b(?:[Bb]earer|BEARER|[Bb]asic)\\s+)[A-Za-z0-9+/._~=-]{8,}",
  ].join("|"),
  "g",
);
// one slash: joining an address to a path leaves no more of the two
const USER_PART = /(\b[A-Za-z][A-Za-z0-9+.-]{1,30}:\/\/?)[^\s/?#"'<>]*@/g;
const REFERENCE = /^\$(\{\w+\}|\w+)$/;
const NAME = /(?<![\w.-])(["']?)([A-Za-z_][\w.-]{0,200})\1(\s*=\s*|\s*:(?!\/\/)\s*)/g;
const VALUE = /"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|\[[^\]]*\]?|\{[^}]*\}?|[^\s,;&)\]}]+/y;

/**
 * True if a value under this name is a secret, such as `hf_hub_token`, `api_key`, `args.apiKey` or `X-Amz-Signature`.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isSecretName } from "./secrets.ts";
 *
 * assertEquals(["hf_hub_token", "apiKey", "args.password"].every(isSecretName), true);
 * assertEquals(["api_key_env", "max_tokens", "eos_token", "key"].some(isSecretName), false);
 * ```
 */
export function isSecretName(name: string): boolean {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  const [last = "", before = ""] = words.toReversed();
  if (last === "key") return KEY_WORDS.has(before);
  if (last === "token") return !VOCABULARY_WORDS.has(before);
  if (last === "tokens" || last === "keys") {
    return KEY_WORDS.has(before) || before === "hub" || before === "hf";
  }
  return SECRET_WORDS.has(last);
}

/**
 * A text with secrets blotted out: by shape, as the user part of an address, and as `name=value` or `name: value`.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { redact } from "./secrets.ts";
 *
 * assertEquals(redact("api_key=abc123 out_dir=x"), "api_key=[hidden] out_dir=x");
 * assertEquals(redact("GET https://me:pw@host/v1"), "GET https://[hidden]@host/v1");
 * assertEquals(redact("the key hf_abcdefghijkl"), "the key [hidden]");
 * ```
 */
export function redact(text: string): string {
  return hideNamed(hideShapes(text), false);
}

/** As {@linkcode redact}, for a piece of YAML or JSON, in which `token: x` is never prose. */
export function redactSource(text: string): string {
  return hideNamed(hideShapes(text), true);
}

function hideShapes(text: string): string {
  return text.replaceAll(USER_PART, `$1${HIDDEN}@`).replaceAll(SHAPES, HIDDEN);
}

/** Hides what stands behind `name=` and `name:`. */
function hideNamed(text: string, isSource: boolean): string {
  let result = "";
  let end = 0;
  for (const found of text.matchAll(NAME)) {
    const start = found.index + found[0].length;
    const isCertain = isSource || found[1] !== "" || found[3]!.includes("=");
    if (found.index < end || !isSecretMention(found[2]!, isCertain)) continue;
    VALUE.lastIndex = start;
    const value = VALUE.exec(text)?.[0] ?? "";
    if (isHarmless(value)) continue;
    result += text.slice(end, start) + HIDDEN;
    end = start + value.length;
  }
  return result + text.slice(end);
}

/** "the end token: 5" is prose, `token=5` and `hub_token: 5` aren't. */
function isSecretMention(name: string, isCertain: boolean): boolean {
  if (!isSecretName(name)) return false;
  return isCertain || /[_.-]|[a-z][A-Z]/.test(name) ||
    /^(password|passwd|secret|apikey|authorization)$/i.test(name);
}

/** `key=value` of a command line: the whole value goes where the key's name says that it is a secret. */
export function redactArgument(argument: string): string {
  const equals = argument.indexOf("=");
  const name = argument.slice(0, Math.max(equals, 0));
  if (equals < 0 || !isSecretName(name)) return redactSource(argument);
  return isHarmless(argument.slice(equals + 1)) ? argument : `${name}=${HIDDEN}`;
}

/**
 * A copy of plain data with secrets blotted out, for printing or writing it: everything under a secret's name, and
 * secrets within texts by their shape (`name: value` within a text may be a prompt, which has to stay as it is).
 * @param name Under which the value stands
 */
export function redactValue<T>(value: T, name = ""): T {
  if (isSecretName(name)) return hideAll(value) as T;
  if (typeof value === "string") return (value.includes("://") ? redact(value) : hideShapes(value)) as T;
  if (Array.isArray(value)) return value.map((item) => redactValue(item)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(item, key)])) as T;
}

function hideAll(value: unknown): unknown {
  if (value === null || value === undefined || typeof value === "boolean") return value;
  if (typeof value === "string" && (value === "" || REFERENCE.test(value))) return value;
  return HIDDEN;
}

function isHarmless(value: string): boolean {
  return /^(["']?)\[hidden\]\1$/.test(value) || /^["']?(null|none|true|false|~)?["']?$/i.test(value) ||
    REFERENCE.test(value);
}
