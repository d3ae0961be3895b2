/**
 * Types of the released evaluation scripts (Complex-IF's TRACE/Eval_script, EIFBench, DEMO) in terms of this project's
 * endpoints. Spec: `type`, `args` and `run_args` of a model file.
 * @module
 */

/** A model as a configuration names it. */
export interface EndpointSpec {
  /** Name of an endpoint plugin, or a released type. */
  type: string;
  /** Options of that type, as written. */
  args: Record<string, unknown>;
}

/** Fields that the released scripts use to start a server; this project's own script reads them, endpoints don't. */
const SERVER_FIELDS = [
  "model_path",
  "tensor_parallel_size",
  "gpu_memory_utilization",
  "enable_prefix_caching",
];

const released: Readonly<
  Record<string, (env: (name: string) => string | undefined) => Record<string, unknown>>
> = {
  "vllm": () => ({ api_base: "http://localhost:8000/v1", api_key_env: "VLLM_API_KEY" }),
  "alibaba-remote-llm": remote,
  "remote-llm": remote,
  "tongyi-llm": remote,
  "chatgpt35": () => ({ name: "gpt-3.5-turbo", structured: false }),
  "OpenAI": () => ({}),
};

/** The released types that are accepted. */
export const RELEASED_TYPES: readonly string[] = Object.keys(released);

/**
 * The endpoint plugin and its options for a spec; types that aren't released ones stay as they are.
 * @throws {RangeError} If a key stands in the file, or a released type needs an address and there is none
 */
export function endpointOf(
  { type, args }: EndpointSpec,
  env: (name: string) => string | undefined = (name) => Deno.env.get(name),
): EndpointSpec {
  const isOpenai = type === "openai" || Object.hasOwn(released, type);
  if (!isOpenai) return { type, args };
  const given: Record<string, unknown> = { ...args };
  const rename = (from: string, to: string) => {
    if (!(from in given)) return;
    given[to] ??= given[from];
    delete given[from];
  };
  rename("api_name", "name");
  rename("api_url", "api_base");
  if (type === "vllm") { for (const field of SERVER_FIELDS) delete given[field]; }
  if (type === "vllm" && given.name === undefined && typeof args.model_path === "string") {
    given.name = args.model_path;
  }
  if ("api_key" in given) {
    Object.assign(given, keyOptions(given.api_key));
    delete given.api_key;
  }
  const defaults = Object.hasOwn(released, type) ? released[type]!(env) : {};
  const merged = { ...defaults, ...given };
  if (REMOTE.includes(type) && merged.api_base === undefined && !env("OPENAI_BASE_URL")) {
    throw new RangeError(
      `Cannot ask the model of type ${type} as it needs an address: set args.api_base, or OPENAI_API_BASE in the environment`,
    );
  }
  return { type: "openai", args: merged };
}

const REMOTE = ["alibaba-remote-llm", "remote-llm", "tongyi-llm"];

function remote(env: (name: string) => string | undefined): Record<string, unknown> {
  const base = env("OPENAI_API_BASE");
  return { key: "required", ...(base ? { api_base: base } : {}) };
}

/** "EMPTY" means none; `$NAME` or `${NAME}` names a variable; anything else could be a key and is refused unseen. */
function keyOptions(value: unknown): Record<string, unknown> {
  if (value === "EMPTY" || value === "" || value === null) return { key: "none" };
  const name = /^\$\{?([A-Za-z_]\w*)\}?$/.exec(String(value))?.[1];
  if (name !== undefined) return { api_key_env: name };
  throw new RangeError(
    "Cannot use args.api_key as keys are only read from the environment: write api_key: $NAME (or api_key_env: NAME) and " +
      "put the key into that variable; the value isn't shown here on purpose",
  );
}
