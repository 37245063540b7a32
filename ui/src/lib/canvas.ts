// What every chart on a canvas begins with.

export interface Pen {
  context: CanvasRenderingContext2D;
  /** Colour of the nth series. */
  series: (n: number) => string;
  bad: string;
  ink: string;
  surface: string;
  font: string;
}

/** Sizes the canvas for the screen, wiped, and reads the theme's colours. Lengths are in CSS pixels from then on. */
export function pen(canvas: HTMLCanvasElement, width: number, height: number): Pen | undefined {
  const context = canvas.getContext('2d');
  if (!context) return undefined;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`);
  const palette = Array.from({ length: 10 }, (_, i) => read(`series-${i}`));
  const bad = read('bar-error');
  return { context, series: (n) => palette[n % palette.length] ?? bad, bad, ink: read('ink'), surface: read('surface'), font: read('font') };
}
