// Where the reader is, as state: the address behind `#`, read when it changes and written by `go` and `patch`.

import { carried, changed, formatPlace, parsePlace, type Params, type Place } from './route.ts';

class Here {
  #place = $state.raw<Place>(parsePlace(location.hash));

  constructor() {
    window.addEventListener('hashchange', () => this.#read());
  }

  get path(): string[] {
    return this.#place.path;
  }
  get params(): Params {
    return this.#place.params;
  }
  get screen(): string {
    return this.#place.path[0] ?? 'home';
  }

  /** Changes parameters of the screen that is shown. `replace` leaves no step in the browser's history. */
  patch(change: Record<string, string | undefined>, replace = false): void {
    this.#show({ path: this.path, params: changed(this.params, change) }, replace);
  }

  /** Opens a screen; range and scope go along. */
  go(path: string[], params: Record<string, string | undefined> = {}): void {
    this.#show({ path, params: changed(carried(this.params), params) }, false);
  }

  #show(place: Place, replace: boolean): void {
    const hash = formatPlace(place);
    if (hash === formatPlace(this.#place)) return;
    if (replace) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    this.#read();
  }

  #read(): void {
    this.#place = parsePlace(location.hash);
  }
}

export const here = new Here();

/** The address of a screen with today's range and scope, for links that can be opened in a new tab. */
export function link(path: string[], params: Record<string, string | undefined> = {}): string {
  return formatPlace({ path, params: changed(carried(here.params), params) });
}
