// A wire between a caller and a vault: everything that goes over it is recorded, and an answer can
// be cut off after the vault has sent it and before the caller has it.
import net from 'node:net';

export class Wire {
  recorded = []; // buffers, of both directions, in the order in which they came
  onRequest; // called with what goes to the vault
  onAnswer; // called with what comes back, which goes no further then but by its second argument
  url; // where it begins, once it listens
  #server;
  #open = new Set();
  #vault;
  #far; // where it leads; undefined: to wherever the vault is at the moment

  constructor(vault, far) {
    this.#vault = vault;
    this.#far = far;
    this.#server = net.createServer((near) => this.#carry(near));
  }

  /** Resolves to the URL that stands in for the vault's. */
  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this.url;
  }

  /** The vault, for a Caller, as it is seen through the wire. */
  through(url, agent) {
    return { url, agent, contract: this.#vault.contract };
  }

  close() {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }

  #carry(near) {
    const { hostname, port } = new URL(this.#far ?? this.#vault.url);
    const far = net.connect(Number(port), hostname);
    for (const socket of [near, far]) {
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (bytes) => {
      this.recorded.push(bytes);
      this.onRequest?.(bytes);
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      this.recorded.push(bytes);
      if (this.onAnswer) this.onAnswer(bytes, (passed) => near.write(passed));
      else near.write(bytes);
    });
  }
}
