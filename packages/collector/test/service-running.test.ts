import { renameSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Collector } from '../src/service.js';
import { COMPONENTS, recordSession, send } from './recorded-session.js';

import { metrics, newFolder, start } from './service-support.js';

describe('forwarding', () => {
  it('what is accepted reaches Tempo, with the headers that it asks for', async () => {
    const tempo = await sink();
    const collector = await start({ forwarding: { url: tempo.url, headers: { 'x-scope-orgid': 'tenant-1' } } });
    await send(collector.url, recordSession());
    const request = await tempo.first;
    expect(request.headers['x-scope-orgid']).toBe('tenant-1');
    await collector.close();
    await tempo.close();
  });
});

describe('the register of approved states', () => {
  const entry = (components: Record<string, string>) => ({
    agent: 'billing-bot',
    components,
    by: 'bob',
    ticket: 'CHG-1',
    from: '2020-01-01T00:00:00Z',
    until: null,
    withdrawn: null,
  });

  it('is reloaded when it changes; one that is broken leaves the last good one in force', async () => {
    const register = join(newFolder(), 'register.json');
    const write = (text: string) => {
      writeFileSync(`${register}.new`, text);
      renameSync(`${register}.new`, register);
    };
    write('{"version":1,"entries":[]}');
    const collector = await start({ register });
    const authority = async () => {
      const links = recordSession({ actions: 0 });
      await send(collector.url, links);
      return collector.report(links[0]?.session ?? '')?.authority;
    };
    expect(await authority()).toBe('unknown');
    write(JSON.stringify({ version: 1, entries: [entry({ tools: COMPONENTS.tools })] }));
    collector.tick();
    expect(await authority()).toBe('approved');
    write('{"version":1,');
    collector.tick();
    expect(await authority()).toBe('approved');
    write(JSON.stringify({ version: 1, entries: [entry({ tools: '0'.repeat(64) })] }));
    collector.tick();
    expect(await authority()).toBe('deviated');
    expect(await metrics(collector)).toMatchObject({
      'custody_register_reloads_total{result="ok"}': 2,
      'custody_register_reloads_total{result="failed"}': 1,
    });
  });

  it('that is not there keeps the collector from starting', async () => {
    await expect(start({ register: join(newFolder(), 'none.json') })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('starting and stopping', () => {
  it('a second collector on one ledger is refused, and can start once the first is closed', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const first = await start({ ledger });
    await expect(start({ ledger })).rejects.toMatchObject({ code: 'in_use' });
    await first.close();
    await expect(start({ ledger })).resolves.toMatchObject({ host: '127.0.0.1' });
  });

  it('an address that is taken is refused, and the ledger let go of', async () => {
    const taken = await start();
    const ledger = join(newFolder(), 'ledger.db');
    await expect(start({ ledger, listen: { host: '127.0.0.1', port: taken.port } })).rejects.toMatchObject({ code: 'listen_failed' });
    await expect(start({ ledger })).resolves.toBeDefined();
  });

  it('closing twice is closing once', async () => {
    const collector = await start();
    await Promise.all([collector.close(), collector.close()]);
    await expect(fetch(`${collector.url}/healthz`)).rejects.toThrow();
  });

  it('what was recorded is there after a restart', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const first = await start({ ledger });
    const links = recordSession();
    await send(first.url, links);
    await first.close();
    const second = await start({ ledger });
    expect(second.report(links[0]?.session ?? '')).toMatchObject({ integrity: 'intact', completeness: 'complete', links: 6 });
    expect(second.links(links[0]?.session ?? '').map(({ link }) => link.hash)).toEqual(links.map(({ hash }) => hash));
  });
});

function _httpGet(collector: Collector, path: string, headers: Record<string, string>, answered: (response: IncomingMessage) => void) {
  return httpRequest({ host: collector.host, port: collector.port, path, headers }, (response) => {
    response.resume();
    answered(response);
  });
}

/** A server in Tempo's place. */
async function sink(): Promise<{ url: string; first: Promise<IncomingMessage>; close(): Promise<void> }> {
  const server = createServer();
  const first = new Promise<IncomingMessage>((resolve) => {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
        resolve(request);
      });
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/traces`, first, close: () => new Promise((closed) => server.close(() => closed())) };
}
