import { type Command, Option } from 'commander';
import { type LoadedSettings, loadSettings, type Command as Subcommand, settingsOf } from '../settings/index.js';

/** Gives a subcommand the flags of its settings, `--config` among them. */
export function addSettings(command: Command, subcommand: Subcommand): void {
  for (const row of settingsOf(subcommand)) {
    const shown = row.default === undefined || row.default === 'none' ? row.description : `${row.description} (default: ${row.default})`;
    const option = new Option(row.flag, shown);
    if (row.list !== undefined) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
  }
  command.addOption(new Option('--config <FILE>', 'YAML file of settings, named as the flags are (default: $CUSTODY_CONFIG)'));
}

/**
 * The settings of a subcommand from its flags, the environment and the file.
 *
 * @throws SettingsError
 */
export function settingsFrom(flags: Readonly<Record<string, unknown>>, subcommand: Subcommand): LoadedSettings {
  const config = typeof flags['config'] === 'string' ? flags['config'] : undefined;
  return loadSettings(subcommand, { flags, env: process.env, config });
}
