// A conversation whose end stays in sight while it gets longer.

/**
 * Watches a box that scrolls.
 * @returns `toEnd()` goes to its end; `following(change)` makes it longer, and stays at its end where that was in sight
 */
export function endInSight(box) {
  // whether the end was in sight when it was looked at last, where the box stood then, and how large it was
  let atEnd = true, held = 0, size = "";
  const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const toEnd = () => {
    box.scrollTop = box.scrollHeight;
    held = box.scrollTop;
    size = sizeOf(box);
    atEnd = true;
  };
  box.addEventListener("scroll", () => {
    // an end that less room took out of sight isn't one that somebody has left
    // (a window that is dragged may cut where the box stood, and be narrower again before this is called)
    if (box.scrollTop !== held && sizeOf(box) === size) atEnd = isAtEnd();
    held = box.scrollTop;
  });
  new ResizeObserver(() => {
    size = sizeOf(box);
    if (atEnd) toEnd();
  }).observe(box);
  return {
    toEnd,
    following(change) {
      const follows = isAtEnd() || atEnd && box.scrollTop === held;
      change();
      if (follows) toEnd();
    },
  };
}

function sizeOf(box) {
  return `${box.clientWidth} × ${box.clientHeight}`;
}
