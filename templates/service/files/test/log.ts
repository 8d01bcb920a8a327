import { vi } from 'vitest';

/** Collects what the service logs from now on, one object per line. */
export function collectLog(): Record<string, unknown>[] {
  const records: Record<string, unknown>[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => {
    records.push(JSON.parse(line.toString()));
    return true;
  });
  return records;
}
