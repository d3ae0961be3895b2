// A conversation whose end stays in sight while it gets longer.

/**
 * Watches a box that scrolls.
 * @returns `toEnd()` goes to its end; `following(change)` makes it longer, and stays at its end where that was in sight
 */
export function endInSight(box) {
  // whether the end was in sight when it was looked at last, and where the box stood then
  let atEnd = true, held = 0;
  const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const toEnd = () => {
    box.scrollTop = box.scrollHeight;
    held = box.scrollTop;
    atEnd = true;
  };
  box.addEventListener("scroll", () => {
    // an end that less room took out of sight isn't one that somebody has left
    if (box.scrollTop !== held) atEnd = isAtEnd();
    held = box.scrollTop;
  });
  new ResizeObserver(() => atEnd && toEnd()).observe(box);
  return {
    toEnd,
    following(change) {
      const follows = isAtEnd() || atEnd && box.scrollTop === held;
      change();
      if (follows) toEnd();
    },
  };
}
