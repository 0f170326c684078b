import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent as Connections, request as post } from 'node:http';
import { fileURLToPath } from 'node:url';

/** A server in a process of its own, with a client for it here. */
export class ServerProcess {
  #child;
  #url = '';

  /**
   * @param {string} name a file in servers/
   * @param {string} sink where it forwards to
   */
  constructor(name, sink) {
    this.#child = fork(fileURLToPath(new URL(`servers/${name}.js`, import.meta.url)), [sink], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  async ready() {
    this.#url = (await this.#answer()).url;
  }

  /** CPU time used so far by all threads, in nanoseconds. */
  async cpuNanoseconds() {
    this.#child.send('cpu');
    const { user, system } = (await this.#answer()).cpu;
    return (user + system) * 1000;
  }

  /**
   * Sends the requests of several agents: each agent's own in order on a connection of its own, as exporters do.
   *
   * @param {readonly (readonly Buffer[])[]} agents
   */
  async post(agents) {
    // New ones each time: servers close those that were idle between two rounds.
    const connections = new Connections({ keepAlive: true });
    await Promise.all(
      agents.map(async (bodies) => {
        for (const body of bodies) await this.#postOne(body, connections);
      }),
    );
    connections.destroy();
  }

  close() {
    this.#child.disconnect();
  }

  /**
   * @param {Buffer} body
   * @param {Connections} agent
   */
  #postOne(body, agent) {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', 'content-length': body.length };
      const outgoing = post(this.#url, { method: 'POST', agent, headers });
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        response.resume();
        response.once('end', () =>
          response.statusCode === 200 ? resolve(undefined) : reject(new Error(`answered ${response.statusCode}`)),
        );
      });
      outgoing.end(body);
    });
  }

  async #answer() {
    const [message] = await once(this.#child, 'message');
    return message;
  }
}
