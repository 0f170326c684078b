import type { Command } from 'commander';
import { newToken } from '../settings/index.js';
import { UsageError } from './errors.js';

interface TokenFlags {
  readonly agent?: readonly string[];
  readonly anyAgent?: true;
  readonly reader?: true;
  readonly approver?: string;
}

/** `agent-custody token`: the token for the client, its hash for the settings. */
export function addToken(program: Command): void {
  program
    .command('token')
    .summary('make a token, and the hash that the settings take')
    .description('Makes a token and prints it once, with the setting that lets it in. Nothing is stored.')
    .option('--agent <ID...>', 'the agents (gen_ai.agent.id) that may send spans with it')
    .option('--any-agent', 'any agent may: for a gateway')
    .option('--reader', 'a token that reads /api/v1 and /metrics')
    .option('--approver <NAME>', 'a token with which this person decides about approvals')
    .action((flags: TokenFlags) => {
      process.stdout.write(tokenText(flags));
    });
}

function tokenText({ agent, anyAgent, reader, approver }: TokenFlags): string {
  if ([agent, anyAgent, reader, approver].filter((flag) => flag !== undefined).length !== 1) {
    throw new UsageError('token: say what it is for: --agent ID…, --any-agent, --reader or --approver NAME');
  }
  const { token, sha256 } = newToken();
  if (reader)
    return `token (give it to who reads):  ${token}\nsetting of the collector:      --reader-token ${sha256}\nin YAML:                       reader-token: ${sha256}\n`;
  if (approver !== undefined)
    return `token (give it to ${approver}):  ${token}\nsetting of the collector:      --approver-token '${sha256}:${approver}'\nin YAML, under approver-token: - { sha256: ${sha256}, name: ${JSON.stringify(approver)} }\n`;
  const agents = anyAgent ? '*' : agent?.join(',');
  const listed = anyAgent ? "'*'" : JSON.stringify(agent);
  return [
    `token (give it to the agent):  ${token}`,
    `as an OTLP header:             OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20${token}`,
    `setting of the collector:      --ingest-token '${sha256}:${agents}'`,
    `in YAML, under ingest-token:   - { sha256: ${sha256}, agents: ${listed} }`,
    '',
  ].join('\n');
}
