// What the scripts beside this one share: a browser at the console, ways to wait, and a clear failure.
//
// CONSOLE_URL says where the console is. CHROMIUM names the browser where it is not in one of the usual places.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Long: a machine that is busy with other things decides no story. */
export const WAIT_MS = 60_000;

export const base = process.env.CONSOLE_URL;
if (!base) {
  console.error('set CONSOLE_URL to the address of the console, such as http://127.0.0.1:8080/');
  process.exit(2);
}

export class Failed extends Error {}

/** Runs a script with a page; a failure is printed with where the browser was, and exits with 1. */
export async function run(name, story, options = {}) {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  if (!executablePath) {
    console.error('no Chromium found: install it, or name it in CHROMIUM');
    process.exit(2);
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  let page;
  const faults = [];
  try {
    page = await newPage(browser, options, faults);
    await story(page, browser, faults);
    if (faults.length) throw new Failed(`the page reported:\n  ${faults.join('\n  ')}`);
    console.log(`${name}: passed`);
  } catch (error) {
    console.error(`${name}: FAILED at ${page?.url()}\n${error instanceof Failed ? error.message : error.stack}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

export async function newPage(browser, options = {}, faults = []) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    // Refused answers are the console's to show; a refused script or style is a fault.
    if (message.type() === 'error' && /Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  return page;
}

/** Opens an address behind `#`, as if typed anew. */
export async function open(page, hash) {
  const address = new URL(`#${hash}`, base).href;
  if (page.url().startsWith(new URL('.', base).href)) await page.goto('about:blank');
  await page.goto(address);
  await page.locator('main').waitFor();
}

/** Waits for something with words of our own when it does not come. */
export async function need(locator, what, timeout = WAIT_MS) {
  try {
    await locator.first().waitFor({ state: 'visible', timeout });
  } catch {
    throw new Failed(`expected ${what}, and it did not appear`);
  }
  return locator.first();
}

export function assert(holds, message) {
  if (!holds) throw new Failed(message);
}

/** Parameters behind `#`, and the path before them. */
export function place(page) {
  const [path, query] = new URL(page.url()).hash.slice(1).split('?');
  return { path, params: new URLSearchParams(query) };
}

/** Asks the API as the page would. */
export const api = (page, path) => page.evaluate(async (path) => (await fetch(new URL(`api/${path}`, document.baseURI))).text(), path);

/** The newest error with a trace id: where the stories begin. */
export async function errorWithTrace(page) {
  const to = Date.now();
  const text = await api(page, `logs?q=${encodeURIComponent('severity:ERROR exists:trace_id')}&from=${to - 3_600_000}&to=${to}&limit=50`);
  const rows = text.split('\n').filter(Boolean).flatMap((line) => JSON.parse(line).rows ?? []);
  const row = rows.find((one) => one.trace_id);
  assert(row, 'the last hour has no error log with a trace id: send some first');
  return row;
}
