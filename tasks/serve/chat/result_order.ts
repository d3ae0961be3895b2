/**
 * Results of tools in the order of their calls: clients tell them apart by id, and most templates by their place alone.
 * @module
 */
import type { ChatRequest } from "../fields/fields.ts";

/**
 * Places of a chat's messages in the order in which a template gets them: as they were sent, but results that stand behind the message
 * that calls for all of them are in the order of its calls.
 * @returns As many as there are messages; where a result names none of the calls, those beside it stay as they are
 */
export function placesByCalls(messages: ChatRequest["messages"]): number[] {
  const places = messages.map((_, place) => place);
  messages.forEach(({ tool_calls: calls }, caller) => {
    if (!Array.isArray(calls) || calls.length < 2) return;
    const ids = calls.map((call: { id?: unknown } | null) => call?.id);
    const behind = messages.slice(caller + 1), end = behind.findIndex(({ role }) => role !== "tool");
    const results = places.slice(caller + 1, end < 0 ? messages.length : caller + 1 + end);
    const callOf = (place: number) => ids.indexOf(messages[place]?.["tool_call_id"]);
    if (results.some((place) => callOf(place) < 0)) return;
    places.splice(caller + 1, results.length, ...results.toSorted((a, b) => callOf(a) - callOf(b)));
  });
  return places;
}
