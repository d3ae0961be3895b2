/**
 * Models from the Hugging Face hub, in the cache that all its libraries share.
 * @module
 */
export { defaultCacheDir } from "./cache.ts";
export { type DownloadProgress, resolveModel, type ResolveOptions } from "./resolve.ts";
