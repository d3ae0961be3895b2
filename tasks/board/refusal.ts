/**
 * Why the board answers a request with an error.
 * @module
 */

/** An error with a status of HTTP. Its message is shown to the person at the page. */
export class Refusal extends Error {
  /** 400 to 599. */
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 500;

  /** @param message Says what was asked and what to do */
  constructor(status: Refusal["status"], message: string) {
    super(message);
    this.status = status;
  }
}
