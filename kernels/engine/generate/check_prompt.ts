/**
 * Checks of a prompt before it waits for its turn.
 * @module
 */
/** A prompt that leaves no room for an answer; an endpoint reports it as an outcome. */
export class ContextLengthError extends RangeError {
  /** Its class, across Workers. */
  override name = "ContextLengthError";
}

/**
 * Refuses a prompt that the model can't take.
 * @throws {ContextLengthError} If it fills the context.
 * @throws {RangeError} If it is empty, or an id isn't one of the model's.
 */
export function checkPromptFits(
  prompt: readonly number[],
  { vocabSize, maxModelLen }: { vocabSize: number; maxModelLen: number },
): void {
  const wrong = prompt.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot answer a prompt whose id ${wrong} is ${prompt[wrong]}: the model knows ${vocabSize}`,
    );
  }
  if (prompt.length === 0) {
    throw new RangeError("Cannot answer an empty prompt: give at least one token, such as bos");
  }
  if (prompt.length >= maxModelLen) {
    throw new ContextLengthError(
      `Cannot answer a prompt of ${prompt.length} tokens: the context holds ${maxModelLen}`,
    );
  }
}
