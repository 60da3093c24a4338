// One message on the screen.

import { button, h, icon } from "./dom.js";
import { form, menu } from "./menus.js";
import { elements, safe } from "./tree.js";

export class Message {
  // `on`: {press(id, value), answer(id, what), remove(id), rate(id, value)}
  constructor(data, say, on) {
    this.say = say;
    this.on = on;
    this.data = {};
    this.waiting = "";
    this.menus = [];
    this.opened = null; // {value, element} of a form that was opened
    this.element = h("li", {});
    this.update(data);
  }

  update(data) {
    this.data = { ...this.data, ...data };
    if (data.by === "bot" && data.body) {
      if (!data.live) delete this.data.live;
      if (!data.buttons) delete this.data.buttons;
      this.choose(data.selects ?? []);
      if (!this.openers().includes(this.opened?.value)) this.opened = null;
    }
    if (data.by) delete this.data.pending;
    this.draw();
  }

  // The beginning of an answer, as far as it is written.
  grow({ body, live }) {
    this.data = { ...this.data, body, live };
    this.draw();
  }

  // Menus stay as they are, with what was chosen in them, until others are told.
  choose(selects) {
    const told = JSON.stringify(selects);
    if (told === (this.told ?? "[]")) return;
    this.told = told;
    this.menus = selects.map((one) => menu(one, this.say, (values) => this.answer({ kind: "choose", value: one.value, values })));
  }

  openers() {
    return (this.data.buttons ?? []).flat().filter((one) => one.opens).map((one) => one.value);
  }

  // The form whose button was pressed here.
  open(told) {
    const element = form(told, this.say, (fields) => this.answer({ kind: "form", value: told.value, fields }));
    this.opened = { value: told.value, element };
    this.settle();
    element.querySelector("input, select, textarea")?.focus();
  }

  answer(what) {
    this.waiting = this.on.answer(this.data.id, what);
    this.draw();
  }

  get text() {
    return this.element.querySelector(".bubble")?.innerText ?? "";
  }

  // A pressed button was dealt with.
  settle() {
    this.waiting = "";
    this.draw();
  }

  draw() {
    const { by, gone } = this.data;
    this.element.className = by === "bot" ? "bot" : "me";
    this.element.classList.toggle("live", Boolean(this.data.live));
    this.element.classList.toggle("pending", Boolean(this.data.pending));
    const content = gone ? [h("div", { class: "bubble gone" }, this.say("deleted"))] : [this.bubble(), ...this.around()];
    const active = this.element.getRootNode().activeElement;
    const held = this.stops().indexOf(active);
    for (const one of this.element.querySelectorAll("form > fieldset")) one.disabled = Boolean(this.waiting);
    this.element.replaceChildren(h("span", { class: "off" }, by === "bot" ? "" : `${this.say("you")}: `), ...content);
    if (active?.form && this.element.contains(active)) active.focus();
    else if (held >= 0) (this.stops()[held] ?? this.stops().at(-1))?.focus(); // who is at a button stays there
  }

  stops() {
    return [...this.element.querySelectorAll("button, a[href]")];
  }

  bubble() {
    const { by, body, text, files, names } = this.data;
    const bubble = h("div", { class: "bubble", dir: "auto" });
    if (by === "bot") bubble.append(...elements(body ?? []));
    else if (text) bubble.append(h("p", {}, text));
    for (const file of files ?? []) if (file && typeof file === "object") bubble.append(this.file(file));
    if (!by) for (const name of names ?? []) bubble.append(h("p", {}, `📎 ${name}`));
    return bubble;
  }

  file({ name, kind, url, text, size }) {
    const label = name || kind;
    const href = url ? safe(this.on.url(url)) : "";
    if (!href) return h("p", {}, `📎 ${label}`);
    const shown = h("span", {}, icon("file"), label, h("small", {}, ` ${bytes(size)}`));
    const link = h("a", { class: "file", href, target: "_blank", rel: "noopener noreferrer" }, shown);
    if (kind === "image") {
      const image = h("img", { src: href, alt: text || label, loading: "lazy", referrerpolicy: "no-referrer" });
      image.addEventListener("error", () => link.replaceChildren(shown)); // the site's policy may forbid images
      link.replaceChildren(image);
    }
    return link;
  }

  around() {
    const { id, by, buttons, feedback, pending, failed, live } = this.data;
    const found = [];
    if (by === "bot") {
      found.push(...this.menus);
      for (const row of buttons ?? []) found.push(h("div", { class: "row" }, row.map((one) => this.key(one))));
      if (this.opened) found.push(this.opened.element);
      if (!live && this.on.feedback) {
        const thumb = (value, drawing, label) => button({
          class: "thumb", "aria-label": label, "aria-pressed": String(feedback === value), title: label,
          onclick: () => this.on.rate(id, feedback === value ? "" : value),
        }, icon(drawing));
        found.push(h("div", { class: "thumbs" }, thumb("👍", "up", this.say("good")), thumb("👎", "down", this.say("bad"))));
      }
      return found;
    }
    if (failed) found.push(h("p", { class: "note bad" }, failed));
    else if (pending) found.push(h("p", { class: "note" }, this.say("sending")));
    else {
      const label = this.say("delete");
      found.push(button({ class: "delete", "aria-label": label, title: label, onclick: () => this.on.remove(id) }, icon("close")));
    }
    return found;
  }

  key({ label, value, url, style, opens }) {
    if (url) {
      const href = safe(url);
      return href ? h("a", { class: "key", href, target: "_blank", rel: "noopener noreferrer" }, label) : null;
    }
    return button({
      class: `key ${style === "primary" || style === "danger" ? style : ""}`,
      disabled: Boolean(this.waiting),
      onclick: () => {
        if (opens) return this.answer({ kind: "open", value });
        this.waiting = this.on.press(this.data.id, value);
        this.draw();
      },
    }, label);
  }
}

function bytes(size) {
  if (!size) return "";
  return size < 1024 * 1024 ? `${Math.ceil(size / 1024)} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`;
}
