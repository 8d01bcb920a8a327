import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.e2e-spec.ts'],
    testTimeout: 20_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
