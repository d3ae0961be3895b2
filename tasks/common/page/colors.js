// Colours of curves: Okabe and Ito's first, told apart by colour-blind readers, then hues a golden angle apart. Each has a contrast of
// at least 3 with its background.

const LIGHT = ["#0072b2", "#d55e00", "#00855f", "#b0568a", "#8a6d00", "#7a52c7", "#c43d3d", "#4d5a66"];
const DARK = ["#5bb8ec", "#f0884a", "#3fc79a", "#e09ac4", "#e6c34a", "#b49af0", "#f07d7d", "#aab4be"];

/** The colour of the nth curve. */
export function colorOf(index, dark) {
  const list = dark ? DARK : LIGHT;
  if (index < list.length) return list[index];
  const hue = Math.round(index * 137.508) % 360;
  return dark ? `hsl(${hue} 65% 68%)` : `hsl(${hue} 70% 34%)`;
}
