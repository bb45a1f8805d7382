// The line to Python: compressed answers in their order, questions with their own answer, and what to say when nobody answers.

export async function inflated(view) {
  const stream = new Blob([view]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const PATIENCE = 1500;
const GIVE_UP = 60_000;
const SLOW = new Set(["apply", "check", "undo run"]); // as long as the server needs
const LOST = "Python has not answered for a minute, so this may be lost. Look whether it was done, and do it again if not.";

// A message in parts if it is longer than a server takes at once; none ends within a pair of surrogates.
function inParts(message, size) {
  const text = JSON.stringify(message);
  if (text.length <= size) return [message];
  const texts = [];
  for (let at = 0; at < text.length; ) {
    const end = at + size;
    const whole = /[\ud800-\udbff]/.test(text[end - 1]) ? end - 1 : end;
    texts.push(text.slice(at, whole));
    at = whole;
  }
  return texts.map((each, part) => ({ do: "part", part, parts: texts.length, text: each, from: message.from }));
}

export class Kernel {
  #id = crypto.randomUUID();
  #next = 0;
  #open = new Map();
  #newest = -1; // number of the newest message that is answered
  #heard = Promise.resolve();
  dead = false;
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

  ask(what) {
    if (this.dead) return Promise.resolve({ dead: true });
    const number = this.#next++;
    const from = `${this.#id}/${number}`;
    let resolve;
    const answer = new Promise((act) => (resolve = act));
    this.#open.set(from, { resolve, answer, what, number, since: Date.now() });
    this.#expect(from);
    try {
      for (const part of inParts({ ...what, from }, this.model.get("_part"))) this.model.send(part);
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
      const asked = this.#open.get(from);
      if (!asked) return;
      const { connectionStatus, status } = this.model.widget_manager?.kernel ?? {};
      if (connectionStatus === "disconnected") this.#die();
      else if (this.#isLost(asked, status)) this.#hear({ to: from, error: LOST });
      else {
        this.state("waiting");
        this.#expect(from);
      }
    }, PATIENCE);
  }

  // Messages are answered in their order: one is lost if Python is idle, or has answered a later one. Never while it writes.
  #isLost({ since, number }, status) {
    if (Date.now() - since < GIVE_UP || [...this.#open.values()].some(({ what }) => SLOW.has(what.do))) return false;
    return status ? status === "idle" : this.#newest > number;
  }

  #hear(content) {
    if (this.dead) return;
    try {
      this.told(content);
    } catch (error) {
      console.error(error);
      this.told({ error: `This page could not show what Python answered (${error.message}). Run the cell again.` });
    }
    const asked = this.#open.get(content.to);
    if (!asked || content.progress) return;
    this.#open.delete(content.to);
    this.#newest = Math.max(this.#newest, asked.number);
    if (!this.#open.size) this.state("ready");
    asked.resolve(content);
  }

  #die() {
    if (this.dead) return;
    this.dead = true;
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
