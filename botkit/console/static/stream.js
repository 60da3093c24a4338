// The page's one event stream: opened again whenever it breaks, from where it broke.

const QUIET_MS = 40_000; // the server says something at least every 12 s or so
const BACKOFF_MS = [1000, 2000, 4000, 8000, 15_000];

export class Stream {
  // handlers: hello(data), live(event), ready(), status(data), trouble(data), resync(), state("open" | "lost")
  constructor(room, handlers) {
    this.room = room;
    this.handlers = handlers;
    this.last = "";
    this.failures = 0;
    this.closed = false;
    this.on_visible = () => this.visibility();
    document.addEventListener("visibilitychange", this.on_visible);
    addEventListener("online", this.on_visible);
    addEventListener("pagehide", () => this.close(), { once: true });
    this.open();
  }

  open() {
    clearTimeout(this.retry);
    this.source?.close();
    const query = new URLSearchParams();
    if (this.room) query.set("room", this.room);
    if (this.last) query.set("last", this.last);
    const source = new EventSource(`/api/sandbox/stream?${query}`);
    this.source = source;
    const on = (name, act) => source.addEventListener(name, (event) => {
      this.alive();
      if (event.lastEventId) this.last = event.lastEventId;
      act(JSON.parse(event.data));
    });
    on("hello", (data) => {
      this.failures = 0;
      this.handlers.state?.("open");
      this.handlers.hello?.(data);
    });
    on("live", (data) => this.handlers.live?.(data));
    on("ready", () => this.handlers.ready?.());
    on("status", (data) => this.handlers.status?.(data));
    on("trouble", (data) => this.handlers.trouble?.(data));
    on("resync", () => this.handlers.resync?.());
    on("beat", () => {});
    on("bye", () => this.lost());
    source.onerror = () => this.lost();
    this.alive();
  }

  // Our own pace instead of the browser's, so that the page can say what is going on.
  lost() {
    if (this.closed) return;
    clearTimeout(this.silence);
    this.source?.close();
    this.source = null;
    this.handlers.state?.("lost");
    const wait = BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length - 1)];
    this.failures += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), wait);
  }

  alive() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), QUIET_MS);
  }

  // A browser has six connections per server for all tabs: hidden ones give theirs back.
  visibility() {
    if (this.closed) return;
    clearTimeout(this.hide);
    if (document.hidden) {
      this.hide = setTimeout(() => {
        clearTimeout(this.silence);
        clearTimeout(this.retry);
        this.source?.close();
        this.source = null;
      }, 30_000);
    } else if (!this.source) {
      this.failures = 0;
      this.open();
    }
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    clearTimeout(this.hide);
    document.removeEventListener("visibilitychange", this.on_visible);
    removeEventListener("online", this.on_visible);
    this.source?.close();
    this.source = null;
  }
}
