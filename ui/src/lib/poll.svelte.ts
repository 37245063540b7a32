// A question asked again and again while it is on the page, and what changed a second between two answers.

import { aborted } from './api.ts';

const SOON_MS = 1200;

export class Poll<A> {
  data = $state.raw<A>();
  /** The answer before, and how many seconds lie between. */
  before = $state.raw<A>();
  seconds = $state(0);
  error = $state.raw<Error>();

  /** Asks until the function it gives back is called. A hidden page asks nothing. */
  start(ask: (signal: AbortSignal) => Promise<A>, everyMs: number): () => void {
    const abort = new AbortController();
    let last = 0;
    const once = async () => {
      if (document.visibilityState !== 'visible' && this.data) return;
      try {
        const answer = await ask(abort.signal);
        if (abort.signal.aborted) return;
        const now = performance.now();
        if (last) {
          this.before = this.data;
          this.seconds = (now - last) / 1000;
        }
        last = now;
        this.data = answer;
        this.error = undefined;
      } catch (error) {
        if (!abort.signal.aborted && !aborted(error)) this.error = error as Error;
      }
    };
    const loop = async () => {
      while (!abort.signal.aborted) {
        await once();
        // A rate needs two answers; the second one comes soon.
        await new Promise((done) => setTimeout(done, this.before ? everyMs : Math.min(everyMs, SOON_MS)));
      }
    };
    void loop();
    return () => abort.abort();
  }

  clear(): void {
    this.data = undefined;
    this.before = undefined;
    this.error = undefined;
  }

  /** A counter's change a second; nothing until there are two answers, or after a restart. */
  rate(read: (answer: A) => number | undefined): number | undefined {
    if (!this.data || !this.before || !this.seconds) return undefined;
    const now = read(this.data);
    const then = read(this.before);
    if (now === undefined || then === undefined || now < then) return undefined;
    return (now - then) / this.seconds;
  }
}
