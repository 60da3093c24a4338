// What survives a reload, in the site's own storage: the ticket of a visitor without an account, and what was not sent.
// Where the browser gives no storage, it lasts as long as the page.

const MOST = 50;

export class Kept {
  constructor(name) {
    this.name = name;
    this.memory = new Map();
  }

  token() {
    return this.read("ticket") ?? "";
  }

  keepToken(token) {
    this.write("ticket", token);
  }

  dropToken() {
    this.write("ticket", null);
  }

  queue() {
    try {
      const found = JSON.parse(this.read("queue") ?? "[]");
      return Array.isArray(found) ? found.filter((one) => typeof one?.id === "string") : [];
    } catch {
      return [];
    }
  }

  keepQueue(queue) {
    this.write("queue", queue.length ? JSON.stringify(queue.slice(-MOST)) : null);
  }

  clear() {
    this.dropToken();
    this.keepQueue([]);
  }

  read(what) {
    try {
      return localStorage.getItem(`${this.name}:${what}`);
    } catch {
      return this.memory.get(what) ?? null;
    }
  }

  write(what, value) {
    try {
      if (value === null) localStorage.removeItem(`${this.name}:${what}`);
      else localStorage.setItem(`${this.name}:${what}`, value);
    } catch {
      if (value === null) this.memory.delete(what);
      else this.memory.set(what, value);
    }
  }
}
