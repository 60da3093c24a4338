// The button, the panel, and the conversation in it.

import { button, h, icon } from "./dom.js";
import { Composer } from "./composer.js";
import { Message } from "./message.js";
import { elements, safe } from "./tree.js";

const SMALL = "(max-width: 480px)";
const TYPING_MS = 10_000;

export class View {
  constructor(root, config, say, chat) {
    this.root = root;
    this.say = say;
    this.chat = chat;
    this.messages = new Map();
    this.unread = 0;
    this.timer = 0;
    this.on = {
      press: (id, value) => chat.press(id, value),
      answer: (id, what) => chat.answer(id, what),
      remove: (id) => this.removed(id),
      rate: (id, value) => this.rated(id, value),
      url: (path) => chat.wire.url(path),
      feedback: config.feedback,
    };
    this.composer = new Composer(say, config, {
      say: (text, files) => this.said(text, files),
      stop: () => chat.stop(),
      upload: (file) => chat.upload(file),
      trouble: (text) => this.note(text),
    });
    this.build(config);
    root.addEventListener("keydown", (event) => this.key(event));
  }

  build(config) {
    const { say } = this;
    this.badge = h("span", { class: "badge", hidden: true });
    this.launcher = button(
      { class: "launcher", "aria-expanded": "false", "aria-controls": "panel", "aria-label": `${config.title}: ${say("open")}`, onclick: () => this.toggle() },
      icon("chat"), this.badge,
    );
    this.greeting = h("div", { class: "bubble", dir: "auto" }, elements(config.greeting));
    this.log = h("ol", { class: "log", "aria-label": say("conversation") });
    this.more = h("p", { class: "note centre", hidden: true }, say("earlier"));
    this.dots = h("p", { class: "dots", hidden: true }, h("span", { class: "off" }, say("typing")), h("i"), h("i"), h("i"));
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": say("conversation") },
      this.more, config.greeting.length ? h("div", { class: "bot" }, this.greeting) : null, this.log, this.dots);
    this.status = h("p", { class: "status", role: "status", hidden: true });
    this.spoken = h("div", { class: "off", role: "log", "aria-live": "polite" });
    this.title = h("h2", { id: "title" }, config.title);
    const privacy = safe(config.privacy);
    this.panel = h("section", { id: "panel", class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true },
      h("header", {}, this.title, button({ class: "round plain", "aria-label": say("close"), title: say("close"), onclick: () => this.close() }, icon("close"))),
      this.scroller, this.status, this.composer.element,
      privacy ? h("footer", {}, h("a", { href: privacy, target: "_blank", rel: "noopener" }, say("privacy"))) : null,
      this.spoken);
    const frame = h("div", { class: `frame ${config.position} ${config.theme}`, lang: say.language, dir: getComputedStyle(document.documentElement).direction },
      this.panel, this.launcher);
    frame.style.setProperty("--colour", config.colour);
    frame.style.setProperty("--ink", ink(config.colour));
    this.root.append(frame);
  }

  // --- open and closed ------------------------------------------------------------------------------------

  get is_open() {
    return !this.panel.hidden;
  }

  toggle() {
    if (this.is_open) this.close();
    else this.open();
  }

  open() {
    this.panel.hidden = false;
    this.panel.setAttribute("aria-modal", String(matchMedia(SMALL).matches));
    this.launcher.setAttribute("aria-expanded", "true");
    this.count(0);
    this.down(true);
    this.composer.field.focus();
  }

  close() {
    this.panel.hidden = true;
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.focus();
  }

  // Escape closes; on a small screen, where the panel covers the page, Tab stays within it.
  key(event) {
    if (!this.is_open) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && matchMedia(SMALL).matches) {
      const stops = [...this.panel.querySelectorAll("a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, [tabindex='0']")].filter((one) => one.getClientRects().length);
      const [first, last] = [stops[0], stops.at(-1)];
      const at = this.root.activeElement;
      if (event.shiftKey ? at === first : at === last) {
        event.preventDefault();
        (event.shiftKey ? last : first).focus();
      }
    }
  }

  count(unread) {
    this.unread = unread;
    this.badge.hidden = !unread;
    this.badge.textContent = unread > 9 ? "9+" : String(unread);
    this.badge.setAttribute("aria-label", this.say("unread", { count: unread }));
  }

  // --- what was said --------------------------------------------------------------------------------------

  said(text, files) {
    this.chat.say(text, files);
    this.typing(TYPING_MS / 1000);
    this.down(true);
  }

  pending(one) {
    if (one.kind !== "message" || this.messages.has(one.id)) return;
    const data = { id: one.id, text: one.text, names: one.names, at: Number.MAX_SAFE_INTEGER, pending: true };
    this.put(data);
  }

  stored(one) {
    if (one.kind === "message") this.messages.get(one.id)?.update({ pending: false });
  }

  refused(one, error) {
    const why = this.say("failed", { why: error.message || String(error.status) });
    if (one.kind === "message") this.messages.get(one.id)?.update({ pending: false, failed: why });
    else if (["press", "choose", "open", "form"].includes(one.kind)) this.acknowledged(one.id, why);
    this.quiet();
  }

  // All there is, instead of what was shown.
  reset(messages, whole = true) {
    this.messages.clear();
    this.log.replaceChildren();
    this.more.hidden = whole;
    this.quiet();
    for (const one of messages) this.put(one);
    this.down(true);
  }

  message(data) {
    const known = this.messages.get(data.id);
    if (!data.by) {
      known?.update(data);
      return;
    }
    if (known?.data.by === "bot" && data.live) return; // a stored beginning; more of it has been seen
    this.put(data);
    if (data.by !== "bot") return;
    if (data.live) {
      this.typing(TYPING_MS / 1000);
      return;
    }
    this.quiet();
    if (known && !known.data.live && data.edit) return;
    this.speak(this.messages.get(data.id).text);
    if (!this.is_open) this.count(this.unread + 1);
  }

  live(data) {
    const known = this.messages.get(data.id);
    if (!known) return;
    known.grow(data);
    this.typing(TYPING_MS / 1000);
    this.down(false);
  }

  put(data) {
    const near = this.is_near();
    let one = this.messages.get(data.id);
    if (one) {
      one.update(data);
    } else {
      one = new Message(data, this.say, this.on);
      this.messages.set(data.id, one);
    }
    const after = [...this.messages.values()].filter((other) => other !== one && other.data.at > one.data.at);
    const next = after.reduce((least, other) => (least === null || other.data.at < least.data.at ? other : least), null);
    if (!one.element.isConnected || one.element.nextElementSibling !== (next?.element ?? null)) {
      this.log.insertBefore(one.element, next?.element ?? null);
    }
    this.down(near || data.by !== "bot");
  }

  removed(id) {
    this.chat.remove(id);
    this.messages.get(id)?.update({ gone: true });
    this.composer.field.focus();
  }

  rated(id, value) {
    this.chat.rate(id, value);
    this.messages.get(id)?.update({ feedback: value });
  }

  // A form came for the button that was pressed here.
  opened({ id, press, form }) {
    const one = this.messages.get(id);
    if (one?.waiting !== press) return;
    one.open(form);
    one.element.scrollIntoView({ block: "nearest" });
  }

  acknowledged(id, text) {
    for (const one of this.messages.values()) if (one.waiting === id) one.settle();
    if (text) this.note(text);
  }

  // --- around it ------------------------------------------------------------------------------------------

  // The bot is at work: for so many seconds, unless more is heard.
  typing(seconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.quiet(), seconds * 1500);
    this.dots.hidden = [...this.messages.values()].some((one) => one.data.live);
    this.composer.busy(true);
    this.down(this.is_near());
  }

  quiet() {
    clearTimeout(this.timer);
    this.dots.hidden = true;
    this.composer.busy(false);
  }

  // "offline", "reconnecting", "login", or "" when all is well.
  state(name) {
    if (this.status.dataset.state === name) return;
    this.status.dataset.state = name;
    this.note(name ? this.say(name) : "");
  }

  note(text) {
    const near = this.is_near();
    this.status.textContent = text;
    this.status.hidden = !text;
    this.down(near);
    if (text && !this.status.dataset.state) setTimeout(() => this.status.textContent === text && this.note(""), 8000);
  }

  speak(text) {
    const line = h("p", {}, text);
    this.spoken.append(line);
    while (this.spoken.childNodes.length > 5) this.spoken.firstChild.remove();
  }

  is_near() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < 80;
  }

  down(wanted) {
    if (wanted || this.is_near()) this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

// Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance).
function ink(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}
