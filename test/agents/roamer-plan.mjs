// What a seed stands for. The whole plan is drawn before anything runs, so that it does not depend on what runs first.

/** A small generator (mulberry32): good enough for choices, the same everywhere. */
export function generator(seed) {
  let state = [...String(seed)].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193), 0x811c9dc5);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WEIGHTS = { call: 8, parallel: 3, session: 3, detach: 2, span: 2, count: 2, model: 4, mcp: 2, remember: 2, delegate: 1 };
const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) => Array(weight).fill(kind));
const MAX_DEPTH = 4;

/** The program of a seed. A child (`7.1`, `7.1.2`) has a small one, and only the first two generations have children. */
export function planOf(seed, ending) {
  const random = generator(seed);
  const below = (limit) => Math.floor(random() * limit);
  const pick = (values) => values[below(values.length)];
  const generation = String(seed).split('.').length;
  let tasks = 0;
  let children = 0;
  const task = () => `t${seed}-${++tasks}`;
  const some = (depth, most) => Array.from({ length: 1 + below(most) }, () => step(depth + 1));
  const maybe = (depth) => (depth < MAX_DEPTH && random() < 0.3 ? some(depth, 2) : []);

  const make = {
    call: (depth) => ({
      task: task(),
      ms: below(25),
      ends: pick(['ok', 'ok', 'ok', 'error', 'abort', 'timeout']),
      odd: pick(['plain', 'plain', 'lossy', 'surrogate', 'large']),
      inside: maybe(depth),
    }),
    parallel: (depth) => ({ inside: some(depth, 6) }),
    session: (depth) => ({ inside: some(depth, 3) }),
    detach: (depth) => ({ inside: some(depth, 2) }),
    span: (depth) => ({ inside: some(depth, 2) }),
    count: () => ({ task: task(), to: below(4), read: 1 + below(4) }),
    model: () => ({
      how: pick(['generate', 'stream', 'half', 'never', 'abort', 'fail', 'agent']),
      prompt: pick(['You do as the plan says.', 'You do as the other plan says.']),
      tasks: Array.from({ length: below(4) }, task),
    }),
    mcp: () => ({ tasks: Array.from({ length: 1 + below(3) }, task) }),
    remember: () => ({ task: task() }),
    delegate: () => ({ task: task(), how: pick(['fork', 'worker', 'cluster']), child: `${seed}.${++children}` }),
  };

  function step(depth) {
    const kind = pick(KINDS);
    const leaf = depth >= MAX_DEPTH && ['parallel', 'session', 'detach', 'span'].includes(kind);
    const barren = kind === 'delegate' && (generation > 2 || children >= 2);
    const chosen = leaf || barren ? 'call' : kind;
    return { do: chosen, ...make[chosen](depth) };
  }

  const steps = Array.from({ length: generation > 1 ? 2 : 6 + below(10) }, () => step(0));
  return { steps, endsAfterMs: 20 + below(600), diesAt: ending === 'kill' ? `t${seed}-${1 + below(tasks)}` : undefined };
}

/** Kills the process when the tool that the plan names runs: nothing of it is told to anyone. */
export function dieInside(task, ending) {
  if (ending === 'kill' && task === planOf(task.slice(1, task.lastIndexOf('-')), ending).diesAt) process.kill(process.pid, 'SIGKILL');
}
