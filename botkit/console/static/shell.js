// What every page has at its top: channel health, decisions, the theme, and a word when the connection is gone.

import { find, h, icon, island, replace } from "./dom.js";
import { moment, plural } from "./format.js";
import { phrase } from "./render.js";
import { WaitCard } from "./waits.js";

const STATES = { ok: "working", starting: "starting", degraded: "has trouble", fatal: "needs you", off: "off" };
const SERVER_DOTS = { ready: "ok", ok: "ok", idle: "off", starting: "starting", failing: "degraded", failed: "fatal", paused: "fatal", stopped: "off" };
const WORST = ["fatal", "degraded", "starting", "ok", "off"];
const THEMES = ["", "light", "dark"];
const THEME_NAMES = { "": ["auto", "as the system"], light: ["sun", "light"], dark: ["moon", "dark"] };

export class Shell {
  constructor() {
    this.overview = island("overview");
    this.waits = [];
    this.cards = new Map();
    this.dialog = find("#decide");
    find("#decisions").addEventListener("click", () => this.dialog.showModal());
    this.dialog.addEventListener("close", () => {
      for (const line of this.dialog.querySelectorAll(".decided")) line.remove();
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // a click beside it
    });
    this.theme_button();
    this.show_overview(this.overview);
  }

  // handlers for a Stream
  get handlers() {
    return {
      state: (state) => this.connection(state),
      status: (status) => this.status(status),
      trouble: ({ message }) => this.banner(message, "bad"),
    };
  }

  status({ overview, waits }) {
    this.overview = overview;
    this.show_overview(overview);
    this.show_waits(waits);
    this.on_status?.(overview, waits);
  }

  connection(state) {
    clearTimeout(this.soon);
    if (state === "open") {
      this.connected = true;
      this.show_warnings();
      return;
    }
    this.connected = false;
    // a reload of the server takes a moment; only a longer break is worth a word
    this.soon = setTimeout(() => this.banner("The connection is lost. Trying again; what was sent before will be answered.", ""), 700);
  }

  show_warnings() {
    const { config_error } = this.overview;
    this.banner(config_error ? `The last good bots.yaml is running, not the one on disk: ${config_error}` : "", "bad");
  }

  banner(text, kind) {
    const element = find("#banner");
    element.hidden = !text;
    element.className = `banner ${kind}`;
    if (element.dataset.text === text) return; // saying it again would be read out again
    element.dataset.text = text;
    replace(element, h("span", {}, phrase(text)));
  }

  say(text) {
    find("#live").textContent = text;
  }

  // ── health ──

  show_overview(overview) {
    const { channels } = overview;
    const worst = WORST.find((state) => channels.some((channel) => channel.state === state)) ?? "off";
    const strip = find("#health");
    replace(strip,
      channels.slice(0, 4).map((channel) => h("span", { class: "one" }, dot(channel.state), channel.name, trouble_count(channel))),
      channels.length > 4 && h("span", { class: "one" }, `+${channels.length - 4}`),
      h("span", { class: "summary" }, dot(worst), h("b", {}, plural(channels.length, "channel"))));
    strip.setAttribute("aria-label", `Channels: ${channels.map((channel) => `${channel.name} ${STATES[channel.state] ?? channel.state}`).join(", ") || "none"}`);
    this.show_instance(overview);
    if (this.connected !== false) this.show_warnings();
  }

  show_instance({ channels, servers, warnings, version, mode, revision }) {
    replace(find("#instance"),
      h("h2", {}, "Channels"),
      channels.length ? h("ul", {}, channels.map(channel_row)) : h("p", { class: "muted" }, "No channel is configured."),
      h("h2", {}, "Tool servers"),
      servers.length ? h("ul", {}, servers.map(server_row)) : h("p", { class: "muted" }, "No tool server is configured."),
      warnings.length ? [h("h2", {}, "To do"), warnings.map((text) => h("p", { class: "warning" }, phrase(text)))] : null,
      h("footer", {}, `botkit ${version} · ${mode} · revision ${revision.slice(0, 12)}`));
  }

  // ── decisions ──

  show_waits(waits) {
    this.waits = waits;
    const open = new Set(waits.map((wait) => wait.id));
    const list = find("#decide-list");
    for (const [id, card] of this.cards) {
      if (!open.has(id)) this.settled(id, card);
    }
    for (const wait of waits) {
      if (this.cards.has(wait.id)) continue;
      const card = new WaitCard(wait, { place: this.place(wait), decided: (...what) => this.decided(...what) });
      // the call of an MCP client has no run
      if (wait.run_id) card.element.append(h("p", { class: "from" }, h("a", { href: `/runs/${wait.run_id}` }, "Look at the run")));
      this.cards.set(wait.id, card);
      list.append(card.element);
    }
    this.show_count(waits.length);
  }

  show_count(open) {
    const counter = find("#decisions");
    counter.hidden = open === 0;
    replace(counter, String(open), h("span", { class: "word" }, " to decide"));
    counter.setAttribute("aria-label", plural(open, "decision is waiting", "decisions are waiting"));
    if (!open && this.dialog.open) this.dialog.close();
  }

  decided(view, agreed, words) {
    this.forget(view.id);
    this.on_decided?.(view, agreed, words);
  }

  // The page showed the same decision itself and it was made there.
  forget(id) {
    const card = this.cards.get(id);
    if (card) this.settled(id, card);
    this.waits = this.waits.filter((wait) => wait.id !== id);
    this.show_count(this.waits.length);
  }

  // In an open list the line that says so stays until it is closed.
  settled(id, card) {
    this.cards.delete(id);
    card.settle();
    if (!this.dialog.open) card.element.remove();
  }

  place(wait) {
    const channel = wait.conversation.split(":")[0];
    const asker = wait.person ? `for ${wait.person}` : "";
    return ["Asked", asker, wait.bot && `by ${wait.bot}`, channel && `on ${channel}`, wait.created_at && `at ${moment(wait.created_at)}`].filter(Boolean).join(" ") + ".";
  }

  // ── theme ──

  theme_button() {
    const control = find("#theme");
    const show = () => {
      const [drawing, name] = THEME_NAMES[document.documentElement.dataset.theme ?? ""];
      replace(control, icon(drawing));
      control.setAttribute("aria-label", `Theme: ${name}`);
      control.title = `Theme: ${name}`;
    };
    control.addEventListener("click", () => {
      const now = document.documentElement.dataset.theme ?? "";
      const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
      if (next) document.documentElement.dataset.theme = next;
      else delete document.documentElement.dataset.theme;
      keep("botkit.theme", next);
      show();
    });
    show();
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // without storage the page works, it only forgets
  }
}

export function kept(name) {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function dot(state) {
  return h("i", { class: `dot ${state}`, "aria-hidden": "true" });
}

function trouble_count(channel) {
  return channel.parts_unknown ? h("small", {}, ` ${channel.parts_unknown}?`) : null;
}

function channel_row(channel) {
  const waiting = channel.parts_pending ? plural(channel.parts_pending, "message") + " to deliver" : "";
  const unknown = channel.parts_unknown ? `${plural(channel.parts_unknown, "message")} may or may not have arrived` : "";
  const details = [channel.state !== "ok" && channel.detail, waiting, unknown].filter(Boolean);
  return h("li", {}, dot(channel.state), h("span", {}, h("b", {}, channel.name), " ", h("small", {}, channel.platform)), h("small", {}, STATES[channel.state] ?? channel.state),
    details.map((text) => h("p", {}, phrase(text))));
}

function server_row(server) {
  const works = server.state === "ready" || server.state === "ok";
  const tools = server.tools.length ? plural(server.tools.length, "tool") : "";
  return h("li", {}, dot(SERVER_DOTS[server.state] ?? "off"), h("b", {}, server.name), h("small", {}, [works ? "" : server.state, tools].filter(Boolean).join(", ") || server.state),
    server.detail ? h("p", {}, phrase(server.detail)) : null);
}

