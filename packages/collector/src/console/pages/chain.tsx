import type { Finding } from '@agent-custody/chain';
import { printable } from '../../printable.js';
import type { ChainRow, HoleRow, LinkRow } from '../chain-view.js';
import { Badge } from './layout.js';

/** A chain drawn as a chain: what follows from what, where it breaks, and what is missing. */
export function Chain({ rows }: { readonly rows: readonly ChainRow[] }) {
  if (rows.length === 0) return <p class="empty">Nothing is on record yet.</p>;
  return (
    <ol class="chain">
      {rows.map((row, index) => (
        // One seq can have several copies: a fork.
        <li key={index} class={itemClass(row)}>
          {row.type === 'hole' ? <Hole row={row} /> : <Link row={row} />}
          <FindingList findings={row.findings} />
        </li>
      ))}
    </ol>
  );
}

function itemClass(row: ChainRow): string {
  if (row.type === 'hole') return 'hole';
  const marks = [row.follows ? '' : 'cut', row.status === 'broken' ? 'broken' : ''];
  return ['link', ...marks].filter((mark) => mark !== '').join(' ');
}

function Hole({ row }: { readonly row: HoleRow }) {
  const { first, last } = row;
  return <p class="head">{first === last ? `Link ${first} is missing` : `Links ${first} to ${last} are missing`}</p>;
}

function Link({ row }: { readonly row: LinkRow }) {
  const { seq, kind, time, tool, facts, reason, status, hash, prev, follows } = row;
  return (
    <>
      <p class="head">
        <span class="seq">{seq}</span>
        <strong>{kind}</strong>
        {tool !== '' && <span class="tool">{tool}</span>}
        {status !== 'linked' && <Badge word={status} tone={status === 'broken' ? 'bad' : 'warn'} />}
        {!follows && <Badge word="does not follow from the link before" tone="bad" />}
        <time dateTime={time}>{time.slice(11, 23)}</time>
      </p>
      {facts.length > 0 && (
        <dl class="inline">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {reason !== '' && (
        <p class="reason">
          <span class="label">reason</span> {reason}
        </p>
      )}
      <Content name="arguments" text={row.arguments} />
      <Content name="result" text={row.result} />
      <p class="hashes">
        <code title={prev}>{prev.slice(0, 12)}</code> → <code title={hash}>{hash.slice(0, 12)}</code>
      </p>
    </>
  );
}

function Content({ name, text }: { readonly name: string; readonly text: string }) {
  if (text === '') return null;
  return (
    <details>
      <summary>{name}</summary>
      <pre class="verbatim">{text}</pre>
    </details>
  );
}

/** @param session where the link that a finding is about is not on the page: leads to it */
export function FindingList({ findings, session }: { readonly findings: readonly Finding[]; readonly session?: string }) {
  if (findings.length === 0) return null;
  return (
    <ul class="findings">
      {findings.map(({ code, severity, seq, detail, healed }) => (
        <li key={`${code} ${seq}`} class={healed ? 'healed' : severity}>
          <strong>{code}</strong> {healed ? '(healed)' : `(${severity})`}: {printable(detail)}
          {session !== undefined && seq > 0 && (
            <>
              {' '}
              <a href={`/console/sessions/${session}?from=${seq}#chain`}>{`Link ${seq}`}</a>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
