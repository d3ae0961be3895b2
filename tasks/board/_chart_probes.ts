/** What the board's charts draw, seen from within the page. */
import type { Page } from "playwright-core";

/** Script that keeps the numbers that charts write below their axes, in the page's `written`. */
export const WRITTEN_NUMBERS = `{
  const { fillText } = CanvasRenderingContext2D.prototype;
  globalThis.written = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
    if (this.textAlign === "center") written.push(Number(text));
    fillText.call(this, text, ...place);
  };
}`;

/** How far down the curve is in the middle of the picture, as a share of its height in [0, 1]. */
export function middleOf(page: Page): Promise<number> {
  return page.evaluate<number>(`(() => {
    const canvas = document.querySelector(".plot canvas"), over = document.querySelector(".u-over");
    const [box, outer] = [over.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const scale = canvas.width / outer.width, [left, top] = [box.left - outer.left, box.top - outer.top];
    const at = Math.round((left + box.width / 2) * scale), height = Math.round(box.height * scale);
    const { data } = canvas.getContext("2d").getImageData(at, Math.round(top * scale), 1, height);
    const rows = [];
    for (let y = 0; y < height; y++) {
      const [r, g, b, a] = data.subarray(4 * y, 4 * y + 4);
      if (a > 100 && r < 60 && Math.abs(g - 114) < 50 && Math.abs(b - 178) < 50) rows.push(y);
    }
    return rows.reduce((a, b) => a + b, 0) / rows.length / height;
  })()`);
}

/** Script that gives the page `turnWheel(turns)`, which counts drawings, and holds its first question to the server (`asked`, `dropped`, `answer()`). */
export const COUNTED_WHEEL = `(() => {
  const ask = fetch;
  globalThis.dropped = 0;
  const { promise, resolve } = Promise.withResolvers();
  globalThis.asked = promise;
  const counted = Promise.withResolvers();
  globalThis.answer = counted.resolve;
  // the first one is never answered
  globalThis.fetch = (_, { signal }) => {
    // the next ones wait until drawings are counted: an answer is one more
    globalThis.fetch = async (...about) => {
      await counted.promise;
      return await ask(...about);
    };
    resolve();
    return new Promise((_, refuse) => signal.addEventListener("abort", () => {
      dropped++;
      refuse(signal.reason);
    }));
  };
  globalThis.turnWheel = (turns) => {
    const over = document.querySelector(".u-over"), canvas = document.querySelector(".plot canvas");
    const { clearRect } = CanvasRenderingContext2D.prototype;
    let drawings = 0;
    CanvasRenderingContext2D.prototype.clearRect = function (...sides) {
      if (this.canvas === canvas) drawings++;
      clearRect.apply(this, sides);
    };
    const { left, width } = over.getBoundingClientRect();
    const turn = { clientX: left + 0.52 * width, deltaY: -100, ctrlKey: true, bubbles: true, cancelable: true };
    for (let i = 0; i < turns; i++) over.dispatchEvent(new WheelEvent("wheel", turn));
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    return frame().then(frame).then(() => {
      CanvasRenderingContext2D.prototype.clearRect = clearRect;
      return drawings;
    });
  };
})()`;

/** Pixels of a picture in the curve's colour, in the paper's, and those that are transparent. */
export function coloursOf(page: Page, png: Uint8Array): Promise<Record<string, number>> {
  return page.evaluate<Record<string, number>>(`(async () => {
  const bytes = Uint8Array.fromBase64(${JSON.stringify(png.toBase64())});
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const counts = { curve: 0, card: 0, clear: 0 };
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 255) counts.clear++;
    else if (data[i] === 255 && data[i + 1] === 255 && data[i + 2] === 255) counts.card++;
    else if (data[i] < 60 && Math.abs(data[i + 1] - 114) < 50 && Math.abs(data[i + 2] - 178) < 50) counts.curve++;
  }
  return counts;
})()`);
}
