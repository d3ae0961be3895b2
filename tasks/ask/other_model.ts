/**
 * A server that answers by another model than the one asked for: an alias, such as a name without its date, or whatever is loaded there
 * under any name (llama.cpp's server).
 * @module
 */
import { shortened } from "../../formats/message.ts";
import type { Endpoint } from "../../plugins/kinds/endpoint.ts";

/** For an asker: says it. */
export function otherModelNotes(
  say: (line: string) => void,
): (endpoint: Endpoint, answeredBy: string) => void {
  return ({ model }, answeredBy) =>
    say(
      `note: ${model} was asked for, and the server says that ${
        shortened(answeredBy)
      } answers: check args.name if that isn't an alias of it`,
    );
}
