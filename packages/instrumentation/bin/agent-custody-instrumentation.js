#!/usr/bin/env node
import { main } from '../dist/doctor/main.js';

main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
