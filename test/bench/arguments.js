/**
 * Arguments of a tool call: about 300 bytes of JSON, keys in the order in which a person writes them.
 *
 * @param {import('./random.js').Random} random
 */
export function toolArguments(random) {
  return {
    to: `${random.hex(4)}@example.com`,
    subject: random.text(4),
    body: random.text(13),
    amount: random.integer(1_000_000) / 100,
    currency: 'EUR',
    attachments: [{ name: `invoice-${random.hex(4)}.pdf`, pages: random.integer(30) }],
    urgent: random.integer(2) === 1,
    retries: random.integer(5),
  };
}
