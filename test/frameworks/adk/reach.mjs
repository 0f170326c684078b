import * as adk from '@google/adk';
import { z } from 'zod';
import { reach } from './reach-program.mjs';

await reach(adk, z);
