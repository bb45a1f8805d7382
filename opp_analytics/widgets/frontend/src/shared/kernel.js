// The line to Python: compressed answers in their order, questions with their own answer, and what to say when nobody answers.

export async function inflated(view) {
  const stream = new Blob([view]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const PATIENCE = 1500;

export class Kernel {
  #id = crypto.randomUUID();
  #next = 0;
  #open = new Map();
  #heard = Promise.resolve();
  #dead = false;
  lost = []; // what was asked and never answered

  // `told` hears every message; `state` hears "waiting", "ready" and "dead".
  constructor(model, told, state) {
    Object.assign(this, { model, told, state });
    this.onMessage = (_, buffers) => {
      if (!buffers?.length) return;
      // In the order they came, however long each takes to inflate; one that fails stops no other.
      this.#heard = this.#heard.catch(() => null).then(async () => this.#hear(JSON.parse(new TextDecoder().decode(await inflated(buffers[0])))));
    };
    this.onLive = () => this.#die();
    model.on("msg:custom", this.onMessage);
    model.on("comm_live_update", this.onLive);
    model.on("comm:close", this.onLive);
    model.on("destroy", this.onLive);
  }

  get dead() {
    return this.#dead;
  }

  ask(what) {
    if (this.#dead) return Promise.resolve({ dead: true });
    const from = `${this.#id}/${this.#next++}`;
    let resolve;
    const answer = new Promise((act) => (resolve = act));
    this.#open.set(from, { resolve, answer, what });
    this.#expect(from);
    try {
      this.model.send({ ...what, from });
    } catch {
      this.#die();
    }
    return answer;
  }

  // When all that was asked so far and matters is answered; null if it is.
  answered(matters) {
    const open = [...this.#open.values()].filter(({ what }) => matters(what));
    return open.length ? Promise.all(open.map(({ answer }) => answer)) : null;
  }

  #expect(from) {
    setTimeout(() => {
      if (!this.#open.has(from)) return;
      const status = this.model.widget_manager?.kernel?.connectionStatus;
      if (status === "disconnected") this.#die();
      else this.state("waiting");
    }, PATIENCE);
  }

  #hear(content) {
    if (this.#dead) return;
    this.told(content);
    const asked = this.#open.get(content.to);
    if (!asked || content.progress) return;
    this.#open.delete(content.to);
    if (!this.#open.size) this.state("ready");
    asked.resolve(content);
  }

  #die() {
    if (this.#dead) return;
    this.#dead = true;
    this.lost = [...this.#open.values()].map(({ what }) => what);
    this.state("dead");
    for (const { resolve } of this.#open.values()) resolve({ dead: true });
    this.#open.clear();
  }

  close() {
    this.model.off("msg:custom", this.onMessage);
    for (const event of ["comm_live_update", "comm:close", "destroy"]) this.model.off(event, this.onLive);
  }
}
