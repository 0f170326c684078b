export { createEngine } from './engine.js';
export { REGISTER_ATTR } from './spans.js';
export type { Clock, Engine, EngineMetrics, EngineOptions, Log, Readiness } from './types.js';
