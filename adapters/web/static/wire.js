// Requests and the stream. No cookies: the visitor's ticket travels in a header, and only where this module puts it.

const SILENCE_MS = 45_000; // a stream that says nothing for so long is dead, whatever the browser thinks
const PATIENCE_MS = 30_000;

export class Refused extends Error {
  constructor(status, code, message, retryAfterMs) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export class Wire {
  constructor(base) {
    this.base = base;
    this.token = "";
  }

  url(path) {
    return new URL(path, this.base).href;
  }

  // The answer as an object. Throws `Refused` when the server says no, TypeError when it cannot be reached.
  async post(path, body) {
    const answer = await this.request(path, { "content-type": "application/json" }, JSON.stringify(body), AbortSignal.timeout(PATIENCE_MS));
    return answer.json();
  }

  async upload(file) {
    const headers = { "content-type": file.type || "application/octet-stream", "x-file-name": encodeURIComponent(file.name) };
    const answer = await this.request("upload", headers, file);
    return answer.json();
  }

  async request(path, headers, body, signal) {
    const all = this.token ? { ...headers, authorization: `Bearer ${this.token}` } : headers;
    const answer = await fetch(this.url(path), {
      method: "POST", headers: all, body, signal, mode: "cors", credentials: "omit", cache: "no-store", referrerPolicy: "origin",
    });
    if (answer.ok) return answer;
    let error = {};
    try {
      error = (await answer.json()).error ?? {};
    } catch {
      // a proxy answered, not botkit
    }
    const wait = Number.parseInt(answer.headers.get("retry-after") ?? "", 10);
    throw new Refused(answer.status, error.code ?? "", error.message ?? "", Number.isFinite(wait) ? wait * 1000 : 0);
  }

  // Tells frames until the stream ends; throws like `post`.
  async events(lastId, tell, signal) {
    const silence = new AbortController();
    const both = AbortSignal.any([signal, silence.signal]);
    const headers = lastId ? { "last-event-id": lastId } : {};
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const answer = await this.request("events", headers, "", both);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const frames = new Frames(tell);
      for (;;) {
        const { value, done } = await reader.read();
        clearTimeout(timer);
        if (done) return;
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        frames.add(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

// Server-sent events out of pieces of text that are cut anywhere.
export class Frames {
  constructor(tell) {
    this.tell = tell;
    this.rest = "";
  }

  add(text) {
    this.rest += text;
    for (;;) {
      const end = this.rest.indexOf("\n\n");
      if (end < 0) return;
      const block = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 2);
      let name = "";
      let data = "";
      let id = "";
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data = line.slice(6);
        else if (line.startsWith("id: ")) id = line.slice(4);
      }
      if (name) this.tell(name, JSON.parse(data), id);
    }
  }
}
