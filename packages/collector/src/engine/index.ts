export { createEngine } from './engine.js';
export type { Clock, Engine, EngineMetrics, EngineOptions, Log, Readiness } from './types.js';
