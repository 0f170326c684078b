import type { Register } from '@agent-custody/chain';
import type { Engine, Log } from './engine/index.js';
import { LedgerError } from './ledger/errors.js';
import { RegisterWatch, readRegister } from './register-file.js';

/** Keeps the register of approved states that the engine judges by the same as the file. */
export class RegisterInForce {
  /** What the file held at the start. */
  readonly first: Register;
  private readonly watch: RegisterWatch;

  /** @throws RegisterFileError */
  constructor(private readonly path: string) {
    // Watched before it is read: a change in between is seen at the first check.
    this.watch = new RegisterWatch(path);
    this.first = readRegister(path);
  }

  /** Puts the file into force if it has changed. One that is broken leaves the last good one where it is. */
  check(engine: Pick<Engine, 'registerChanged'>, metrics: { registerReload(ok: boolean): void }, log: Log): void {
    if (!this.watch.changed()) return;
    try {
      const register = readRegister(this.path);
      engine.registerChanged(register);
      metrics.registerReload(true);
      log.info({ register: this.path, entries: register.entries.length }, 'register of approved states reloaded');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof LedgerError) {
        // It is in force, and only its spans could not be queued: once more at the next check.
        this.watch.again();
        log.warn({ register: this.path, reason }, 'register of approved states reloaded; Tempo has not been told');
        return;
      }
      metrics.registerReload(false);
      log.error({ register: this.path, reason }, 'the changed register is not used: the last good one stays in force');
    }
  }
}
