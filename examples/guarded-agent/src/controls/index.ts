import type { Control } from '../control.js';
import { acknowledged, unreachable } from './acknowledged.js';
import { approval, expiry } from './approval.js';
import { argumentConditions } from './arguments.js';
import { circles, failing, fanOut } from './breakers.js';
import { flow } from './flow.js';
import { hours } from './hours.js';
import { budget, rateLimit } from './limits.js';
import { lists } from './lists.js';
import { observe } from './observe.js';
import { separation } from './separation.js';

/** By the name that the agent's process is started with. */
export const CONTROLS: Readonly<Record<string, Control>> = {
  lists,
  argumentConditions,
  approval,
  expiry,
  rateLimit,
  budget,
  failing,
  circles,
  fanOut,
  separation,
  flow,
  hours,
  observe,
  acknowledged,
  unreachable,
};
