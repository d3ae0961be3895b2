/**
 * The engine that the scheduler runs requests on.
 * @module
 */
import type { Adapter } from "../../../../formats/peft/mod.ts";
import type { AddOptions, Outlook, TokenPick } from "../outlook.ts";

/** An engine, as the scheduler uses it. Sequences that it continues are slots; each call ends before the next begins. */
export interface BatchEngine {
  /** Slots that are done cost nothing more when they are given up now. */
  readonly full: boolean;
  /** Runs a prompt, whose sequence becomes the last slot. */
  add(ids: ArrayLike<number>, options: AddOptions): Promise<Outlook>;
  /** True if it chooses tokens as {@linkcode TokenPick} says, where they are made. Absent: it can't. */
  readonly picks?: boolean;
  /**
   * Adds a token to every slot.
   * @param logits True if all logits are wanted.
   * @param picks Of an engine that picks: the way to choose the token that follows, for each slot.
   */
  step(ids: ArrayLike<number>, logits: boolean, picks?: readonly (TokenPick | null)[]): Promise<Outlook[]>;
  /**
   * As many tokens for every slot as there are picks for it, each chosen and added without being waited for; fewer where the engine
   * must lay its cache out in between.
   * @returns Of every slot its tokens, in order, as {@linkcode Outlook.chosen}.
   */
  run?(ids: ArrayLike<number>, picks: readonly (readonly TokenPick[])[]): Promise<number[][]>;
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
