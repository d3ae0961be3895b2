/**
 * A model that no token can be chosen from.
 * @module
 */
/** Logits that aren't numbers: the fault is the model's or its adapter's, whatever was asked. */
export class LogitsError extends RangeError {
  /** Its class, across Workers. */
  override name = "LogitsError";
}
