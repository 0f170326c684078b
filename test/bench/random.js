const WORDS =
  'invoice payment supplier account balance transfer approve reject review ledger quarter total amount overdue reminder contract order ' +
  'shipment customer address delivery refund discount tax rate currency exchange report summary attach send draft reply schedule meeting ' +
  'budget forecast margin revenue expense receipt audit policy limit threshold region warehouse stock item number status pending';

/** Reproducible values for the bodies and arguments of the bench: the same in every run, different in every record. */
export class Random {
  #state;
  #words = WORDS.split(' ');

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits (mulberry32). */
  bits() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** @param {number} below */
  integer(below) {
    return this.bits() % below;
  }

  /** @param {number} bytes a multiple of 4 */
  hex(bytes) {
    let out = '';
    for (let i = 0; i < bytes; i += 4) out += this.bits().toString(16).padStart(8, '0');
    return out;
  }

  /** @param {number} words */
  text(words) {
    let out = '';
    for (let i = 0; i < words; i++) out += `${i === 0 ? '' : ' '}${this.#words[this.integer(this.#words.length)]}`;
    return out;
  }
}
