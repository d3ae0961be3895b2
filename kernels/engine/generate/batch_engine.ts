/**
 * The engine that the scheduler runs requests on.
 * @module
 */
import type { Adapter } from "../../../formats/peft/mod.ts";
import type { AddOptions, Outlook } from "./outlook.ts";

/** An engine, as the scheduler uses it. Sequences that it continues are slots; each call ends before the next begins. */
export interface BatchEngine {
  /** Slots that are done cost nothing more when they are given up now. */
  readonly full: boolean;
  /** Runs a prompt, whose sequence becomes the last slot. */
  add(ids: ArrayLike<number>, options: AddOptions): Promise<Outlook>;
  /** Adds a token to every slot. @param logits Whether all logits are wanted. */
  step(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]>;
  /** Adds several tokens to the only slot, and gives what follows each of them. Absent: it can't. */
  extend?(ids: ArrayLike<number>, logits: boolean): Promise<Outlook[]>;
  /** Forgets the only slot's last tokens. */
  rewind?(count: number): void;
  /** Keeps these slots, in that order. */
  keep(slots: readonly number[]): Promise<void>;
  /** Puts an adapter beside the model. Absent: it can't. */
  loadAdapter?(name: string, adapter: Adapter): void;
  unloadAdapter?(name: string): void;
  dispose(): Promise<void>;
}
