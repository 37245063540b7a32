// Keys of the whole console: one listener, bindings by whoever is on the page, later ones before earlier ones.
//
// A key that is typed into a field belongs to the field; only Escape and combinations with Ctrl come through.

export interface Binding {
  /** `t`, `Escape`, `ctrl+k`, or two keys in a row as `g l`. */
  keys: string;
  does: string;
  run(event: KeyboardEvent): void | boolean;
}

/** A first key waits this long for the second one. */
const SEQUENCE_MS = 1200;

let stacks: Binding[][] = [];
let waiting = '';
let waitingUntil = 0;

/** Binds keys until the function it gives back is called: the value an effect returns. */
export function bind(bindings: Binding[]): () => void {
  stacks = [bindings, ...stacks];
  return () => {
    stacks = stacks.filter((other) => other !== bindings);
  };
}

export function allBindings(): Binding[] {
  return stacks.flat();
}

export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

function name(event: KeyboardEvent): string {
  const control = event.ctrlKey || event.metaKey ? 'ctrl+' : '';
  return control + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
}

export function listen(): () => void {
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  // While a dialog is open all keys but its own opener are the dialog's.
  if (document.querySelector('dialog[open]') && name(event) !== 'ctrl+k') return;
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const key = name(event);
  if (typing(event.target) && !key.startsWith('ctrl+') && key !== 'Escape') return;
  if (waiting && event.timeStamp < waitingUntil && take(`${waiting} ${key}`, event)) return;
  waiting = '';
  if (take(key, event)) return;
  if (stacks.flat().some((binding) => binding.keys.startsWith(`${key} `))) {
    waiting = key;
    waitingUntil = event.timeStamp + SEQUENCE_MS;
  }
}

/** A binding that gives back `false` did not want the key; the next one is asked. */
function take(keys: string, event: KeyboardEvent): boolean {
  for (const binding of stacks.flat()) {
    if (binding.keys !== keys || binding.run(event) === false) continue;
    event.preventDefault();
    waiting = '';
    return true;
  }
  return false;
}
