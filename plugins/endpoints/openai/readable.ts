/**
 * Texts of servers for a line of a report.
 * @module
 */
/** On one line, and of a page of HTML its title, or its text. */
export function readable(message: string): string {
  const page = /^(\d+ )?\s*<(?:!doctype|html|head|body|center|h1)\b/i.exec(message);
  if (page === null) return message.replaceAll(/\s+/g, " ").trim();
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(message)?.[1];
  const text = (title ?? message.slice(page[1]?.length ?? 0).replaceAll(/<[^>]*>/g, " ")).replaceAll(
    /\s+/g,
    " ",
  ).trim();
  return `${page[1] ?? ""}a page of HTML, ${JSON.stringify(text.slice(0, 120))}`;
}
