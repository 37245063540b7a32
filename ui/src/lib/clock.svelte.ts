// The clock range of every screen: what the address says, resolved to times, and resolved anew on refresh.

import { here } from './place.svelte.ts';
import { around, DEFAULT_RANGE, isRelative, resolve, shift, zoom, type Range, type Span } from './range.ts';

/** How often screens other than the live tail load again while "live" is on. */
const LIVE_REFRESH_MS = 5000;

class Clock {
  #ticks = $state(0);
  // Texts, so that a change of some other parameter changes nothing here and no query is asked anew.
  #from = $derived(here.params['from'] ?? DEFAULT_RANGE.from);
  #to = $derived(here.params['to'] ?? DEFAULT_RANGE.to);

  /** As the address keeps it. */
  get range(): Range {
    return { from: this.#from, to: this.#to };
  }

  /** In milliseconds. Read inside an effect it makes the effect run again on refresh. */
  span: Span = $derived.by(() => {
    void this.#ticks;
    return resolve({ from: this.#from, to: this.#to }, Date.now());
  });

  /** The event the range was set around, in milliseconds. */
  get at(): number | undefined {
    const at = Number(here.params['at']);
    return here.params['at'] && Number.isFinite(at) ? at : undefined;
  }

  get live(): boolean {
    return here.params['live'] === '1' && isRelative(this.range);
  }

  set(range: Range, at?: number): void {
    const live = isRelative(range) ? here.params['live'] : undefined;
    here.patch({ ...kept(range), at: at === undefined ? undefined : String(at), live });
  }

  refresh(): void {
    this.#ticks += 1;
  }

  shift(by: -1 | 1): void {
    this.set(shift(this.range, Date.now(), by), this.at);
  }

  zoom(factor: number): void {
    this.set(zoom(this.range, Date.now(), factor), this.at);
  }

  toggleLive(): void {
    if (this.live) here.patch({ live: undefined });
    else if (isRelative(this.range)) here.patch({ live: '1' });
    else here.patch({ live: '1', from: undefined, to: undefined, at: undefined });
  }

  constructor() {
    setInterval(() => {
      if (this.live && here.params['tab'] !== 'query' && document.visibilityState === 'visible') this.refresh();
    }, LIVE_REFRESH_MS);
  }
}

/** The default range is not written into the address. */
function kept(range: Range): { from?: string; to?: string } {
  if (range.from === DEFAULT_RANGE.from && range.to === DEFAULT_RANGE.to) return { from: undefined, to: undefined };
  return { from: range.from, to: range.to === 'now' ? undefined : range.to };
}

export const clock = new Clock();

/** Parameters that set the range around an event, for links to other screens. */
export function aroundParams(microseconds: number): Record<string, string | undefined> {
  const at = Math.floor(microseconds / 1000);
  const range = around(at);
  return { from: range.from, to: range.to, at: String(at), live: undefined };
}
