import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { describe, expect, it } from 'vitest';
import { createReceiver, type ReceiverOptions } from '../src/receive/index.js';
import { tokenHash } from '../src/settings/tokens.js';
import { bytesOf, converse, JSON_TYPE, PROTOBUF, post, send, start } from './receive-support.js';
import { any, attribute, concat, IDS, requestOf, requestWith } from './scan-bytes.js';
import { decode } from './scan-decode.js';

const BILLING = 'billing-secret-1';
const GATEWAY = 'gateway-secret-2';
const READER = 'reader-secret-3';
const TOKENS: Pick<ReceiverOptions, 'ingestTokens' | 'readerTokenSha256'> = {
  ingestTokens: [
    { sha256: tokenHash(BILLING), agents: new Set(['billing-bot', 'refund-bot']) },
    { sha256: tokenHash(GATEWAY), agents: 'all' },
  ],
  readerTokenSha256: tokenHash(READER),
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const link = (...agents: Uint8Array[]) => concat(IDS, attribute('custody.link.seq', any.int(1)), ...agents);
const agent = (id: string) => attribute('gen_ai.agent.id', any.string(id));
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

describe('ingest tokens', () => {
  it.each<[string, Record<string, string>, string]>([
    ['none', {}, 'Bearer realm="agent-custody"'],
    ['one that is not known', bearer('nobody'), 'Bearer realm="agent-custody", error="invalid_token"'],
    ["the reader's", bearer(READER), 'Bearer realm="agent-custody", error="invalid_token"'],
    ['its hash', bearer(tokenHash(BILLING)), 'Bearer realm="agent-custody", error="invalid_token"'],
    ['another scheme', { authorization: `Basic ${BILLING}` }, 'Bearer realm="agent-custody"'],
    ['nothing after the scheme', { authorization: 'Bearer ' }, 'Bearer realm="agent-custody"'],
    ['two in one', { authorization: `Bearer ${BILLING} ${GATEWAY}` }, 'Bearer realm="agent-custody"'],
  ])('with %s the answer is 401, in the encoding of the request', async (_, headers, challenge) => {
    const { url, ingested } = await start(TOKENS);
    const response = await post(url, requestOf(link(agent('billing-bot'))), { ...PROTOBUF, ...headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(challenge);
    expect(decode('rpcStatus', await bytesOf(response))).toMatchObject({ code: 16 });
    expect((await post(url, '{}', { ...JSON_TYPE, ...headers })).headers.get('content-type')).toBe('application/json');
    expect(ingested).toEqual([]);
  });

  it.each([`Bearer ${GATEWAY}`, `bearer ${GATEWAY}`, `BEARER  ${GATEWAY} `])('"%s" is let in', async (authorization) => {
    const { url, ingested } = await start(TOKENS);
    expect((await post(url, requestOf(link(agent('anyone'))), { ...PROTOBUF, authorization })).status).toBe(200);
    expect(ingested[0]?.caller).toEqual({ agents: 'all' });
  });

  it('without any configured, a page in a browser may not send: its name may have been pointed to this machine', async () => {
    const { url, ingested } = await start();
    const rebound = await send(url, 'POST', { ...JSON_TYPE, host: 'evil.example:4318', origin: 'http://evil.example:4318' }, '{}');
    expect(rebound.status).toBe(403);
    expect(JSON.parse(rebound.body)).toMatchObject({ code: 7, message: expect.stringContaining('--ingest-token') as string });
    expect(ingested).toEqual([]);
    const origin = 'https://app.example';
    expect((await post((await start(TOKENS)).url, requestOf(), { ...PROTOBUF, ...bearer(GATEWAY), origin })).status).toBe(200);
  });

  it('without any configured, everybody may send', async () => {
    const { url, ingested } = await start();
    expect((await post(url, requestOf(link(agent('anyone'))))).status).toBe(200);
    expect(ingested[0]?.caller).toEqual({ agents: 'all' });
  });

  it('bound to agents, reject the links of others and take the rest', async () => {
    const { url, ingested, records } = await start(TOKENS);
    const body = requestOf(link(agent('billing-bot')), link(agent('other-bot')), link(agent('refund-bot')), IDS);
    const response = await post(url, body, { ...PROTOBUF, ...bearer(BILLING) });
    expect(response.status).toBe(200);
    expect(decode('exportResponse', await bytesOf(response))).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringMatching(/1 whose gen_ai\.agent\.id this token is not bound to/) },
    });
    expect(ingested[0]?.scanned.spans.map(({ view }) => view.attributes.at(-1)?.[1])).toEqual(['billing-bot', 'refund-bot', undefined]);
    expect(ingested[0]?.caller).toEqual({ agents: new Set(['billing-bot', 'refund-bot']) });
    expect(records).toMatchObject([{ spans: 4, rejectedSpans: 1 }]);
  });

  it.each<[string, Uint8Array]>([
    ['no agent', link()],
    ['its agent and another', link(agent('billing-bot'), agent('other-bot'))],
    ['its agent twice', link(agent('billing-bot'), agent('billing-bot'))],
    ['an agent that is no string', link(attribute('gen_ai.agent.id', any.array(any.string('billing-bot'))))],
    ['its agent in other letters', link(agent('Billing-Bot'))],
  ])('bound to agents, reject a link that names %s: findings on it could fall to somebody else', async (_, span) => {
    const { url, ingested } = await start(TOKENS);
    const response = await post(url, requestOf(span), { ...PROTOBUF, ...bearer(BILLING) });
    expect(response.status).toBe(200);
    expect(decode('exportResponse', await bytesOf(response))).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
    expect(ingested).toEqual([]);
  });

  it('bound to agents, pass spans that are no links, whatever agent they name', async () => {
    const { url, ingested } = await start(TOKENS);
    const response = await post(url, requestOf(concat(IDS, agent('other-bot'))), { ...PROTOBUF, ...bearer(BILLING) });
    expect(await bytesOf(response)).toHaveLength(0);
    expect(ingested[0]?.scanned.spans).toHaveLength(1);
  });

  it('are never logged, and nor is what was sent', async () => {
    const { url, origin, logs } = await start(TOKENS);
    for (const token of [BILLING, 'wrong-secret', READER]) {
      await post(
        url,
        requestWith(attribute('custody.action.reason', any.string('confidential')), agent('x'), attribute('custody.link.seq', any.int(1))),
        { ...PROTOBUF, ...bearer(token) },
      );
      await post(url, '{"confidential":', { ...JSON_TYPE, ...bearer(token) });
      await send(`${origin}/api/v1/sessions`, 'GET', bearer(token));
    }
    expect(logs.length).toBeGreaterThan(3);
    expect(logs.join('\n')).not.toMatch(/secret|confidential/);
  });

  it('are refused unless stored as a hash', () => {
    const ingest: ReceiverOptions['ingest'] = async () => ({ type: 'accepted', rejectedSpans: 0 });
    for (const options of [{ ingestTokens: [{ sha256: BILLING, agents: 'all' as const }] }, { readerTokenSha256: READER }]) {
      expect(() => createReceiver({ ...options, ingest })).toThrow(
        expect.objectContaining({ name: 'ReceiverError', code: 'invalid_token', message: expect.not.stringContaining('secret') }),
      );
    }
  });
});

describe('every other page', () => {
  const handleOther: ReceiverOptions['handleOther'] = (request, response, { reader }) => {
    if (request.url === '/missing') return false;
    response.end(JSON.stringify({ url: request.url, reader }));
    return true;
  };

  it.each(['/api/v1/sessions', '/metrics', '/', '/missing', '/healthz/../metrics', '/healthz/', '/HEALTHZ', '//healthz', '/v1/traces/'])(
    "%s is 401 without the reader's token",
    async (path) => {
      const { port } = await start({ ...TOKENS, handleOther });
      const heard = await converse(
        port,
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${GATEWAY}\r\n\r\n`,
      );
      expect(heard).toMatch(/^HTTP\/1\.1 401 /);
      expect(heard).toMatch(/WWW-Authenticate: Bearer realm="agent-custody", error="invalid_token"/i);
    },
  );

  it("is handed on with the reader's token", async () => {
    const { origin } = await start({ ...TOKENS, handleOther });
    expect((await send(`${origin}/api/v1/sessions?limit=1`, 'GET', bearer(READER))).body).toBe(
      '{"url":"/api/v1/sessions?limit=1","reader":true}',
    );
  });

  it.each(['/healthz', '/readyz', '/healthz?verbose'])('%s is public, and knows whether a reader asks', async (path) => {
    const { origin } = await start({ ...TOKENS, handleOther });
    expect(JSON.parse((await send(`${origin}${path}`, 'GET')).body)).toMatchObject({ reader: false });
    expect(JSON.parse((await send(`${origin}${path}`, 'GET', bearer(READER))).body)).toMatchObject({ reader: true });
  });

  it("is open to all where no reader's token is configured", async () => {
    const { origin } = await start({ handleOther });
    expect(JSON.parse((await send(`${origin}/metrics`, 'GET')).body)).toMatchObject({ reader: true });
  });

  it('is 404 where nobody has it', async () => {
    const { origin } = await start({ handleOther });
    expect(await send(`${origin}/missing`, 'GET')).toMatchObject({
      status: 404,
      body: expect.stringContaining('there is no such page') as string,
    });
    const bare = await start();
    expect((await send(`${bare.origin}/metrics`, 'POST', {}, 'x')).status).toBe(404);
  });

  it('is 500 when it fails, without saying why to the client', async () => {
    const { origin, logs } = await start({
      handleOther: async () => {
        throw new TypeError('at /home/x/ledger.db');
      },
    });
    const { status, body } = await send(`${origin}/metrics`, 'GET');
    expect(status).toBe(500);
    expect(body).not.toContain('ledger.db');
    expect(logs.join()).toContain('ledger.db');
  });

  it('is waited for by close', async () => {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const { origin, receiver } = await start({
      handleOther: async (_, response) => {
        entered();
        await finished;
        response.end('slow');
        return true;
      },
    });
    const answer = send(`${origin}/metrics`, 'GET');
    await inside;
    const closing = receiver.close();
    finish();
    expect((await answer).body).toBe('slow');
    await closing;
  });
});

describe('TLS', () => {
  const tls = { cert: fixture('localhost.cert.pem'), key: fixture('localhost.key.pem') };

  it('is spoken with a certificate and a key', async () => {
    const { url, ingested } = await start({ tls });
    const request = httpsRequest(url, { method: 'POST', headers: PROTOBUF, ca: tls.cert, agent: false });
    request.end(requestOf(link(agent('billing-bot'))));
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
    await once(response, 'end');
    expect(ingested).toHaveLength(1);
  });

  it('is not mixed with plain HTTP', async () => {
    const { port, ingested } = await start({ tls });
    await expect(post(`http://127.0.0.1:${port}/v1/traces`, requestOf(link()))).rejects.toThrow();
    expect(ingested).toEqual([]);
  });

  it.each([
    ['no PEM', { cert: 'x', key: 'y' }],
    ['a key that is not the certificate’s', { cert: tls.cert, key: fixture('other.key.pem') }],
  ])('is refused with %s, saying so', (_, bad) => {
    expect(() => createReceiver({ tls: bad, ingest: async () => ({ type: 'accepted', rejectedSpans: 0 }) })).toThrow(
      expect.objectContaining({
        name: 'ReceiverError',
        code: 'invalid_tls',
        message: expect.stringMatching(/certificate and key cannot be used/),
      }),
    );
  });
});

describe('listen', () => {
  it('says which address is taken', async () => {
    const { port } = await start();
    const second = createReceiver({ port, ingest: async () => ({ type: 'accepted', rejectedSpans: 0 }) });
    await expect(second.listen()).rejects.toMatchObject({
      name: 'ReceiverError',
      code: 'listen_failed',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });
});
