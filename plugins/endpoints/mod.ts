/**
 * The built-in endpoints.
 * @module
 */
import type { Plugin } from "../kinds/plugin.ts";
import local from "./local.ts";
import openai from "./openai.ts";
import recorded from "./recorded.ts";

export type { Completion, CompletionRequest, Endpoint, Failure } from "../kinds/endpoint.ts";
export { type EndpointSpec, RELEASED_TYPES } from "./released_names.ts";

/** Built-in endpoint plugins. */
export const endpoints: readonly Plugin[] = [local, openai, recorded];
