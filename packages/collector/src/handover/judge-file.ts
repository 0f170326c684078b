import { readSpan } from '@agent-custody/chain';
import { readRequests } from '../verify/file-source.js';
import { Judge, type Judgement, type JudgeOptions } from '../verify/judge.js';
import { BundleReader } from './read-bundle.js';

/** A file, judged. */
export interface JudgedFile {
  readonly judgement: Judgement;
  /** Lines that could not be read, and what is wrong with each. */
  readonly problems: readonly { readonly line: number; readonly problem: string }[];
}

/**
 * Judges OTLP/JSON lines at rest: nothing more will arrive in a file (SPEC.md, "Findings", defaults). Bundles among them are held
 * against their manifests, and judged by the register in them where `options` name none.
 *
 * @throws what the input throws when it cannot be read
 */
export async function judgeFile(input: AsyncIterable<Uint8Array>, options: JudgeOptions): Promise<JudgedFile> {
  const judge = new Judge(options);
  const bundles = new BundleReader(judge, { hashing: options.hashing, usesRegister: options.register === undefined });
  const problems: { line: number; problem: string }[] = [];
  for await (const read of readRequests(input)) {
    if (read.type === 'problem') {
      problems.push(read);
      continue;
    }
    if (read.bundle !== undefined) bundles.take(read.bundle.member, read.bundle.bytes);
    for (const view of read.spans) judge.take(readSpan(view, options.hashing), 0);
  }
  const ends = new Map(bundles.sessions().map((session) => [session, lastHash(judge, session)]));
  return { judgement: bundles.complete(judge.conclude(Number.POSITIVE_INFINITY), ends), problems };
}

function lastHash(judge: Judge, session: string): string {
  let hash = '';
  for (const link of judge.links(session)) hash = link.hash;
  return hash;
}
