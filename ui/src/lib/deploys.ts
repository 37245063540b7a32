// When a new revision of a task family was first heard of: what a reader suspects first when a line bends. Pure.

import type { Tasks } from './types.ts';

export interface Deploy {
  /** Milliseconds. */
  time: number;
  name: string;
}

const MOST = 20;

export function deploys(tasks: Tasks, from: number, to: number, service?: string): Deploy[] {
  const first = new Map<string, { time: number; family: string; revision: number }>();
  for (const one of tasks.clusters.flatMap((cluster) => cluster.services)) {
    if (service && one.name !== service) continue;
    for (const task of one.tasks) {
      const key = `${task.family}:${task.revision}`;
      const known = first.get(key);
      if (!known || task.from < known.time) first.set(key, { time: task.from, family: task.family, revision: task.revision });
    }
  }
  const oldest = new Map<string, number>();
  for (const { family, time } of first.values()) oldest.set(family, Math.min(oldest.get(family) ?? Infinity, time));
  return [...first.values()]
    // The first revision known of is not news: it may have run for weeks.
    .filter(({ family, time }) => time > (oldest.get(family) ?? 0) && time >= from && time <= to)
    .sort((a, b) => a.time - b.time)
    .slice(-MOST)
    .map(({ family, revision, time }) => ({ time, name: `${family}:${revision}` }));
}
