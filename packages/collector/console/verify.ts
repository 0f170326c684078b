import { against, judge } from './judge.js';

/** The button that checks a session here, without the collector's word. */
export function setUpVerification(section: HTMLElement): void {
  const button = section.querySelector('button');
  const status = section.querySelector('[role=status]');
  const { verify: url, session, integrity: claimed } = section.dataset;
  if (button === null || status === null || url === undefined || session === undefined) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    button.disabled = true;
    status.replaceChildren('Fetching and computing …');
    check(url, session, claimed ?? '')
      .then(
        (lines) => status.replaceChildren(...lines),
        (error: unknown) =>
          status.replaceChildren(line('bad', `It could not be checked: ${error instanceof Error ? error.message : String(error)}.`)),
      )
      .finally(() => {
        button.disabled = false;
      });
  });
}

async function check(url: string, session: string, claimed: string): Promise<readonly HTMLElement[]> {
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`the collector answered ${response.status}`);
  const { report, links } = judge(await response.text(), session);
  if (report === undefined) return [line('bad', 'The collector sent no link of this session.')];
  const broken = against(report, 'integrity');
  const missing = against(report, 'completeness').filter(({ code }) => code !== 'unclosed');
  const verdict = broken.length > 0 ? 'broken' : 'intact';
  const out = [
    line(broken.length > 0 ? 'bad' : 'good', `Computed here from ${links} links: integrity ${verdict}.`),
    line(missing.length > 0 ? 'warn' : 'good', missing.length > 0 ? 'Something is missing.' : 'No link is missing among those recorded.'),
    ...[...broken, ...missing].map(({ code, seq, detail }) => line('detail', `link ${seq}: ${code}: ${detail}`)),
  ];
  // What the collector saw and a copy does not show: a link that could not be read, one that came too late.
  if (claimed !== verdict)
    out.push(line('warn', `The collector says ${claimed}: it may have seen what is not in its links, or one of the two is wrong.`));
  return out;
}

function line(tone: string, text: string): HTMLElement {
  const paragraph = document.createElement('p');
  paragraph.className = `result ${tone}`;
  paragraph.textContent = text;
  return paragraph;
}
