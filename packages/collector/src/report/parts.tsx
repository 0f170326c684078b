import type { Severity, Verdict } from '@agent-custody/chain';
import type { ComponentChildren } from 'preact';
import { traceLink } from '../notify/trace-link.js';
import { printable } from '../printable.js';

/** Text that an agent or a person wrote: escaped as HTML by preact, and here what would turn or hide what is read. */
export function Said({ children, none = '–' }: { readonly children: string; readonly none?: string }) {
  if (children === '') return <>{none}</>;
  const text = printable(children);
  // A name without a space in it must not push the other columns off the page.
  if (UNBROKEN.test(text)) return <span class="long">{text}</span>;
  return (
    <>
      {text.split(BREAKABLE).map((part, index) => (
        <>
          {index > 0 && <wbr />}
          {part}
        </>
      ))}
    </>
  );
}

const UNBROKEN = /\S{33}/;
/** Where an address or a tool's name may be broken. */
const BREAKABLE = /(?<=[@_])/;

export function Section(props: {
  readonly no: number;
  readonly title: string;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section id={`s${props.no}`} class={props.wide ? 'wide' : undefined}>
      <h2>
        <span class="no">{props.no}</span>
        {props.title}
      </h2>
      {props.children}
    </section>
  );
}

/** A table, or a sentence that says that there is nothing: an empty table may as well be one that was forgotten. */
export function Table(props: {
  readonly head: readonly (string | { readonly number: string })[];
  readonly rows: readonly ComponentChildren[];
  readonly none: string;
}) {
  if (props.rows.length === 0) return <p class="none">{props.none}</p>;
  return (
    <table>
      <thead>
        <tr>{props.head.map((column) => (typeof column === 'string' ? <th>{column}</th> : <th class="n">{column.number}</th>))}</tr>
      </thead>
      <tbody>{props.rows}</tbody>
    </table>
  );
}

const SEVERITY_CLASS: Readonly<Record<Severity, string>> = { critical: 'bad', high: 'bad', medium: 'warn', info: '' };

export function SeverityTag({ severity }: { readonly severity: Severity }) {
  return <span class={`tag ${SEVERITY_CLASS[severity]}`}>{severity}</span>;
}

const VERDICT_CLASS: Readonly<Record<Verdict[keyof Verdict], string>> = {
  intact: 'good',
  broken: 'bad',
  unknown: '',
  complete: 'good',
  incomplete: 'warn',
  open: '',
  approved: 'good',
  deviated: 'bad',
};

export function VerdictTag({ value }: { readonly value: Verdict[keyof Verdict] }) {
  return <span class={`tag ${VERDICT_CLASS[value]}`}>{value}</span>;
}

/** A trace by its id: a link where Grafana is known. */
export function Trace(props: {
  readonly grafanaUrl: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly atMs: number;
}) {
  const { grafanaUrl, traceId, spanId, atMs } = props;
  if (traceId === '') return <>–</>;
  const href = grafanaUrl === undefined ? undefined : traceLink(grafanaUrl, { traceId, spanId, atMs });
  const id = <code>{printable(traceId)}</code>;
  return href === undefined ? id : <a href={href}>{id}</a>;
}

export function Id({ children }: { readonly children: string }) {
  return <code>{printable(children)}</code>;
}
