// Builds the unit tests for node's own test runner, which cannot read TypeScript in the oldest node we build with.
import { readdirSync } from 'node:fs';
import { defineConfig } from 'vite';

const tests = readdirSync('tests').filter((name) => name.endsWith('.test.ts'));

export default defineConfig({
  build: {
    ssr: true,
    outDir: 'node_modules/.tests',
    emptyOutDir: true,
    rollupOptions: { input: tests.map((name) => `tests/${name}`) },
  },
});
