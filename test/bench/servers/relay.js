import { Agent, createServer, request as post } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { serveParent } from './parent.js';

const inflate = promisify(gunzip);

/**
 * Serves OTLP/HTTP on loopback: inflates each request, makes of it what `process` answers, sends that on, and answers once it is
 * received.
 *
 * @param {(body: Buffer) => Promise<{ body: Uint8Array, headers?: Record<string, string> }>} process
 * @param {string} sink
 */
export function relay(process, sink) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const server = createServer((request, response) => {
    read(request)
      .then(inflate)
      .then(process)
      .then(({ body, headers }) => send(sink, agent, body, headers))
      .then(
        () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(),
        (error) => response.writeHead(500).end(String(error)),
      );
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') serveParent(`http://127.0.0.1:${address.port}/v1/traces`);
  });
}

/**
 * @param {import('node:http').IncomingMessage} message
 * @returns {Promise<Buffer>}
 */
function read(message) {
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    const chunks = [];
    message.on('data', (chunk) => chunks.push(chunk));
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('error', reject);
  });
}

/**
 * @param {string} url
 * @param {Agent} agent
 * @param {Uint8Array} body
 * @param {Record<string, string>} [headers]
 * @returns {Promise<void>}
 */
function send(url, agent, body, headers) {
  return new Promise((resolve, reject) => {
    const outgoing = post(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-type': 'application/x-protobuf', 'content-length': body.length },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      response.resume();
      response.once('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`the sink answered ${response.statusCode}`))));
    });
    outgoing.end(body);
  });
}
