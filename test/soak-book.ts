import type { StoredSpan } from '../packages/collector/test/stored-spans.js';
import { spanKey } from './soak-tempo.js';

const TASK = /t\d+[a-z]n[\d.]+-\d+/g;

/** What the agents' side knows: everything that a collector has acknowledged. */
export class AgentBook {
  /** Of spans: links and the applications' own. */
  readonly spans = new Set<string>();
  /** Of the spans of links. */
  readonly linkSpans = new Set<string>();
  /** Of links: session and hash. */
  readonly links = new Set<string>();
  /** Sessions and whose they are. */
  readonly owners = new Map<string, string>();
  readonly ended = new Set<string>();
  /** Tasks of tools that an intent named. */
  readonly announced = new Set<string>();

  note(spans: readonly StoredSpan[]): void {
    for (const span of spans) {
      this.spans.add(spanKey(span));
      if (span.attributes['custody.link.hash'] === undefined) continue;
      this.linkSpans.add(spanKey(span));
      this.link(span.attributes);
    }
  }

  private link(attributes: StoredSpan['attributes']): void {
    const session = String(attributes['custody.session.id']);
    this.links.add(`${session} ${attributes['custody.link.hash']}`);
    switch (attributes['custody.link.kind']) {
      case 'session.start':
        this.owners.set(session, String(attributes['custody.owner']));
        break;
      case 'session.end':
        this.ended.add(session);
        break;
      case 'action.intent': {
        const told = `${attributes['gen_ai.tool.call.arguments']} ${attributes['custody.action.reason']}`;
        for (const [task] of told.matchAll(TASK)) this.announced.add(task);
      }
    }
  }
}
