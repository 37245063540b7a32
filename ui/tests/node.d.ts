// The little of node that tests and build settings use, so that its types need not be installed.

declare module 'node:test' {
  export function test(name: string, body: () => void | Promise<void>): void;
}

declare module 'node:assert/strict' {
  const assert: {
    ok(value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, pattern: RegExp): void;
  };
  export default assert;
}

declare module 'node:fs' {
  export function readdirSync(folder: string): string[];
}

declare const process: { env: Record<string, string | undefined> };
