/**
 * A fault of a configuration.
 * @module
 */

/** One thing that is wrong, with the key it is about. */
export interface Fault {
  /** Name of the key, dotted where it is nested. */
  key: string;
  /** Sentence without the place. */
  message: string;
}
