// One visitor's conversation: who they are, what is still to be sent, and the stream that tells what was said.
//
// What a visitor does gets an id here and is kept until the server has stored it, also over a reload: sending it again
// after a lost answer is the same message there.

import { Refused, Wire } from "./wire.js";
import { Kept } from "./kept.js";

const STEPS_MS = [500, 1000, 2000, 5000, 10_000, 30_000];

export class Chat {
  constructor({ base, identity, identityUrl }) {
    this.wire = new Wire(base);
    this.kept = new Kept(`botkit:${new URL(base).pathname}`);
    this.identity = identity ?? "";
    this.identityUrl = identityUrl ?? "";
    this.locale = "";
    this.visitor = null;
    this.view = null;
    this.queue = this.kept.queue();
    this.lastId = "";
    this.failures = 0;
    this.stream = null;
    this.flushing = null;
    this.waker = null;
    window.addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.wake());
  }

  // What the widget looks like, or null where it may not be shown. Asks until somebody answers.
  async hello() {
    for (;;) {
      try {
        const told = await this.session(false);
        return told.config;
      } catch (error) {
        if (error instanceof Refused && error.status !== 401 && error.status < 500 && error.status !== 429) {
          console.warn(`botkit: ${error.message || error.status}`);
          return null;
        }
        await this.pause(error);
      }
    }
  }

  show(view) {
    this.view = view;
    for (const one of this.queue) view.pending(one);
    this.connect();
    this.flush();
  }

  // --- who ------------------------------------------------------------------------------------------------

  // Who the visitor is. Without `begin`, somebody unknown stays unknown.
  async session(begin) {
    if (this.identityUrl && !this.identity) this.identity = await this.askSite();
    let told;
    try {
      told = await this.wire.post("session", { token: this.kept.token(), identity: this.identity, begin });
    } catch (error) {
      if (!(error instanceof Refused && error.status === 401 && this.identity)) throw error;
      this.identity = this.identityUrl ? await this.askSite() : ""; // it had ended, or is not of this site
      if (!this.identity) window.dispatchEvent(new Event("botkit:identity-ended"));
      told = await this.wire.post("session", { token: this.identity ? "" : this.kept.token(), identity: this.identity, begin });
    }
    this.failures = 0;
    if (!told.token) return told;
    if (this.visitor !== null && this.visitor !== told.visitor) this.forget();
    this.visitor = told.visitor;
    this.wire.token = told.token;
    if (told.anonymous) this.kept.keepToken(told.token);
    return told;
  }

  async askSite() {
    try {
      const answer = await fetch(this.identityUrl, { credentials: "same-origin", cache: "no-store" });
      return answer.ok ? (await answer.text()).trim() : "";
    } catch {
      return "";
    }
  }

  // The page says who is logged in.
  async identify(token) {
    this.identity = String(token ?? "");
    this.wire.token = "";
    this.kept.dropToken();
    this.forget();
    this.visitor = null;
    await this.session(false);
    this.connect();
  }

  // Whoever uses this browser next does not see what was said.
  async logout() {
    this.identity = "";
    this.identityUrl = "";
    this.wire.token = "";
    this.visitor = null;
    this.kept.clear();
    this.queue = [];
    this.forget();
  }

  forget() {
    this.stream?.abort();
    this.stream = null;
    this.lastId = "";
    this.view?.reset([]);
  }

  // --- out ------------------------------------------------------------------------------------------------

  say(text, files) {
    const one = { kind: "message", text, files: files.map((file) => file.file), names: files.map((file) => file.name) };
    this.view.pending(this.put(one));
  }

  press(target, value) {
    return this.put({ kind: "press", target, value }).id;
  }

  // A choice, a form, or the wish to open one: {kind, value, values, fields}.
  answer(target, what) {
    return this.put({ ...what, target }).id;
  }

  stop() {
    this.put({ kind: "stop" });
  }

  remove(target) {
    this.put({ kind: "delete", target });
  }

  rate(target, value) {
    this.put({ kind: "feedback", target, value });
  }

  async upload(file) {
    if (!this.visitor) await this.session(true);
    if (!this.stream) this.connect();
    return this.wire.upload(file);
  }

  put(what) {
    const one = { ...what, id: newId() };
    this.queue.push(one);
    this.kept.keepQueue(this.queue);
    this.flush();
    return one;
  }

  flush() {
    this.flushing ??= this.sendAll().finally(() => {
      this.flushing = null;
    });
  }

  async sendAll() {
    let renewed = false;
    while (this.queue.length) {
      const [one] = this.queue;
      try {
        if (!this.visitor) await this.session(true);
        if (!this.visitor) return this.view.state("login");
        if (!this.stream) this.connect();
        const { names, ...body } = one;
        const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        await this.wire.post("send", { ...body, locale: this.locale, timezone });
        this.view.stored(one);
        renewed = false;
      } catch (error) {
        if (error instanceof Refused && error.status === 401 && !renewed) {
          renewed = true;
          this.visitor = null;
          continue;
        }
        const final = error instanceof Refused && [400, 401, 403, 413, 422].includes(error.status);
        if (!final) {
          await this.pause(error);
          continue;
        }
        this.view.refused(one, error);
      }
      this.queue = this.queue.filter((other) => other.id !== one.id);
      this.kept.keepQueue(this.queue);
      this.failures = 0;
    }
  }

  // --- in -------------------------------------------------------------------------------------------------

  // One stream at a time, for as long as the visitor is known.
  connect() {
    if (!this.visitor || this.stream) return;
    const mine = new AbortController();
    this.stream = mine;
    this.follow(mine).finally(() => {
      if (this.stream === mine) this.stream = null;
    });
  }

  async follow(mine) {
    while (!mine.signal.aborted) {
      try {
        await this.wire.events(this.lastId, (name, data, id) => mine.signal.aborted || this.heard(name, data, id), mine.signal);
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error instanceof Refused && error.status === 401) {
          const before = this.visitor;
          const told = await this.session(false).catch(() => null);
          if (told !== null && (!told.token || before !== this.visitor)) return;
        } else if (error instanceof Refused && error.status < 500 && error.status !== 429) {
          return;
        }
        await this.pause(error);
        continue;
      }
      if (!mine.signal.aborted) await this.pause(null);
    }
  }

  heard(name, data, id) {
    this.failures = 0;
    if (id) this.lastId = id;
    this.view.state("");
    switch (name) {
      case "reset":
        this.view.reset(data.messages, data.whole);
        for (const one of this.queue) this.view.pending(one);
        break;
      case "message":
        this.view.message(data);
        break;
      case "live":
        this.view.live(data);
        break;
      case "typing":
        this.view.typing(data.seconds);
        break;
      case "form":
        this.view.opened(data);
        break;
      case "ack":
        this.view.acknowledged(data.id, data.text);
        break;
      default: // beats, and what a newer server may say
    }
  }

  // Wait a little longer after each failure, and not at all once the network is back.
  async pause(error) {
    const step = STEPS_MS[Math.min(this.failures, STEPS_MS.length - 1)];
    this.failures += 1;
    if (error !== null && this.failures > 1) this.view?.state(navigator.onLine ? "reconnecting" : "offline");
    const ms = Math.max(error?.retryAfterMs ?? 0, step * (0.75 + Math.random() / 2));
    await new Promise((go) => {
      const timer = setTimeout(go, ms);
      const others = this.waker;
      this.waker = () => {
        clearTimeout(timer);
        go();
        others?.();
      };
    });
  }

  wake() {
    const waker = this.waker;
    this.waker = null;
    waker?.();
  }
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
