/** What the doctor says about one framework. */
export interface Row {
  readonly framework: string;
  readonly version: string;
  /** What was patched; of an unarmed one what was not. */
  readonly file: string;
  readonly armed: 'yes' | 'no' | 'not loaded' | 'has no tools' | 'switched off';
  /** Whether the tool call of the probe was recorded. */
  readonly recorded: 'yes' | 'no' | 'not tried';
  /** What is wrong and what to do about it; empty when nothing is. */
  readonly remedy: string;
}

const COLUMNS = ['framework', 'version', 'file', 'armed', 'recorded', 'remedy'] as const;

/** As people read it. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [
    [...COLUMNS].map((name) => (name === 'remedy' ? 'what to do' : name)),
    ...rows.map((row) => COLUMNS.map((name) => row[name])),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Whether everything that was found is known to be recorded. */
export function isHealthy(rows: readonly Row[]): boolean {
  return rows.every(({ armed, recorded, remedy }) => armed !== 'no' && recorded !== 'no' && remedy === '');
}
