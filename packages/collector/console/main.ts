import { keepLive } from './live.js';
import { setUpVerification } from './verify.js';

for (const region of document.querySelectorAll<HTMLElement>('[data-live]')) keepLive(region);
for (const section of document.querySelectorAll<HTMLElement>('[data-verify]')) setUpVerification(section);
