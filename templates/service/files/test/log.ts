import { vi } from 'vitest';

const records: Record<string, unknown>[] = [];

/** Collects what the service logs from now on, one object per line. */
export function collectLog(): Record<string, unknown>[] {
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    records.push(JSON.parse(line.toString()));
    return true;
  });
  return records;
}
