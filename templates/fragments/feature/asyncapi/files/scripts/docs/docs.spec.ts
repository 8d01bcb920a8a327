import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documents } from './documents.js';

const all = await documents();

// A new project has none of them yet: what is not there cannot be stale.
if (!all.some(({ path }) => path !== 'README.md' && existsSync(path)))
  for (const { path, text } of all) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

// `npm run docs` is this test as well: then it writes what differs.
describe('the documents tell of what is in the code', () => {
  it.each(all)('$path', async ({ path, text }) => {
    const stale = `${path} is stale: \`npm run docs\` mends it`;
    // oxlint-disable-next-line vitest/valid-expect -- vitest itself takes two
    await expect(text, stale).toMatchFileSnapshot(resolve(path));
  });
});
