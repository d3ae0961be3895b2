/**
 * Meaning of LLaMA-Factory's keys and variables for several processes, as it is gathered.
 * @module
 */
import type { Fault } from "../fault.ts";

/** In terms of `trainer: torch`. */
export interface Distributed {
  /** Key or variable that asks for several processes; null: nothing does. */
  asks: string | null;
  /** Options of `trainer: torch`. */
  options: Record<string, unknown>;
  notes: string[];
  faults: Fault[];
}

/** A map of a JSON or YAML file. */
export type SettingsMap = Readonly<Record<string, unknown>>;

/**
 * A map that a file has under a key; none where the key is missing.
 * @throws {RangeError} If something else stands there
 */
export function mapOf(value: unknown, name: string): SettingsMap {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as SettingsMap;
  throw new RangeError(`${name} has to be a map: current value is ${JSON.stringify(value)}`);
}

/** ZeRO's stages as FSDP2 has them. */
export function shard(stage: number, { options }: Pick<Distributed, "options">): void {
  // One process has nothing to share out, and the trainer's default knows how many there are.
  if (stage === 0) return;
  Object.assign(options, { sharding: "fsdp", reshard_after_forward: stage === 3 });
}

/** Says of settings that nothing here corresponds to them. */
export function noteUnused(
  key: string,
  names: readonly string[],
  why: string,
  { notes }: Pick<Distributed, "notes">,
): void {
  if (names.length > 0) notes.push(`${key}: ${names.join(", ")}: not used, ${why}`);
}
