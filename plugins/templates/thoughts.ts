/**
 * Thoughts in answers of reasoning models.
 * @module
 */

/** An answer without its thoughts and the line breaks that then begin it. */
export function removeThought(content: string, [open, close]: readonly [string, string]): string {
  let out = "", from = 0;
  for (;;) {
    const start = content.indexOf(open, from);
    const end = start < 0 ? -1 : content.indexOf(close, start + open.length);
    if (end < 0) break;
    out += content.slice(from, start);
    from = end + close.length;
  }
  return (out + content.slice(from)).replace(/^\n+/, "");
}

/** True if neither mark of a thought is in an answer. */
export function lacksThought(content: string, [open, close]: readonly [string, string]): boolean {
  return !content.includes(open.trim()) && !content.includes(close.trim());
}
