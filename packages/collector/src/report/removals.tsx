import { CONTROLS, type Control } from './controls.js';
import { moment } from './format.js';
import type { AuditReport } from './model.js';
import { Id, Said, Section, Table } from './parts.js';

interface Props {
  readonly report: AuditReport;
}

export function RemovalsSection({ report }: Props) {
  const { prunings, erasures, sound } = report.removals;
  return (
    <Section no={8} title="Removals">
      <p>
        {sound
          ? 'The record of removals is whole: each entry holds the hash of the one before it.'
          : 'The record of removals is not whole: an entry was changed or taken out.'}{' '}
        All removals are listed, whatever the period.
      </p>
      <h3>Sessions pruned at the end of their retention</h3>
      <Table
        head={[
          'When (UTC)',
          'By',
          'Reason',
          'Last link before',
          { number: 'Sessions' },
          { number: 'Links' },
          { number: 'Findings' },
          'Digest over the sessions',
        ]}
        none="None."
        rows={prunings.map((pruning) => (
          <tr>
            <td class="t">{moment(pruning.atMs)}</td>
            <td>
              <Said>{pruning.by}</Said>
            </td>
            <td>
              <Said>{pruning.reason}</Said>
            </td>
            <td class="t">{moment(pruning.beforeMs)}</td>
            <td class="n">{pruning.sessions}</td>
            <td class="n">{pruning.links}</td>
            <td class="n">{pruning.findings}</td>
            <td>
              <Id>{pruning.digest}</Id> {pruning.sound ? '' : <span class="tag bad">does not match the list</span>}
            </td>
          </tr>
        ))}
      />
      <h3>Content erased</h3>
      <Table
        head={['When (UTC)', 'By', 'Reason', 'Session', { number: 'Links' }, { number: 'Waiting spans' }]}
        none="None."
        rows={erasures.map((erasure) => (
          <tr>
            <td class="t">{moment(erasure.atMs)}</td>
            <td>
              <Said>{erasure.by}</Said>
            </td>
            <td>
              <Said>{erasure.reason}</Said>
            </td>
            <td>
              <Id>{erasure.session}</Id>
            </td>
            <td class="n">{erasure.links}</td>
            <td class="n">{erasure.spans}</td>
          </tr>
        ))}
      />
    </Section>
  );
}

export function Controls({ report }: Props) {
  const frameworks = [...new Set(CONTROLS.map(({ framework }) => framework))];
  const counts = new Map<string, number>();
  for (const { finding } of report.exceptions) if (!finding.healed) counts.set(finding.code, (counts.get(finding.code) ?? 0) + 1);
  const exceptionsTo = ({ codes }: Control): number => [...new Set(codes)].reduce((sum, code) => sum + (counts.get(code) ?? 0), 0);
  return (
    <Section no={9} title="Controls supported" wide>
      <p>
        What this record supports, in the words of three frameworks. It does not say that a control is met: each asks for more than a record
        can show. Exceptions are the findings of section 3 that speak against the row; one finding may stand in several.
      </p>
      <table>
        <thead>
          <tr>
            <th>Control</th>
            <th>Asks that</th>
            <th>Supported by</th>
            <th>Section</th>
            <th class="n">Exceptions</th>
          </tr>
        </thead>
        <tbody>
          {frameworks.flatMap((framework) => [
            <tr class="group">
              <td colSpan={5}>{framework}</td>
            </tr>,
            ...CONTROLS.filter((control) => control.framework === framework).map((control) => (
              <tr>
                <td>{control.id}</td>
                <td>{control.asks}</td>
                <td>{control.supports}</td>
                <td>{control.sections.join(', ')}</td>
                <td class="n">{control.codes.length === 0 ? '–' : exceptionsTo(control)}</td>
              </tr>
            )),
          ])}
        </tbody>
      </table>
    </Section>
  );
}
