// Where a visitor writes: text, files, send and stop.

import { button, h, icon } from "./dom.js";

export class Composer {
  // `on`: {say(text, files), stop(), upload(file) → {file, name}, trouble(text)}
  constructor(say, config, on) {
    this.words = say;
    this.limit = config.upload_bytes;
    this.on = on;
    this.files = [];
    this.field = h("textarea", {
      rows: "1", maxlength: "16000", placeholder: say("placeholder"), "aria-label": say("message"), dir: "auto",
      enterkeyhint: "send", onkeydown: (event) => this.key(event), oninput: () => this.grow(), onpaste: (event) => this.pasted(event),
    });
    this.picker = h("input", { type: "file", hidden: true, multiple: true, onchange: () => this.picked() });
    this.chips = h("ul", { class: "chips" });
    this.send = button({ class: "round send", "aria-label": say("send"), title: say("send"), onclick: () => this.submit() }, icon("send"));
    this.stop = button({ class: "round stop", "aria-label": say("stop"), title: say("stop"), hidden: true, onclick: () => on.stop() }, icon("stop"));
    const attach = this.limit > 0
      ? [this.picker, button({ class: "round plain", "aria-label": say("attach"), title: say("attach"), onclick: () => this.picker.click() }, icon("attach"))]
      : [];
    this.element = h("div", { class: "composer" }, this.chips, h("div", { class: "line" }, attach, this.field, this.stop, this.send));
  }

  busy(busy) {
    this.stop.hidden = !busy;
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 140)}px`;
  }

  submit() {
    const text = this.field.value.trim();
    const ready = this.files.filter((one) => one.file);
    if ((!text && !ready.length) || ready.length < this.files.length) return;
    this.field.value = "";
    this.files = [];
    this.draw();
    this.grow();
    this.on.say(text, ready);
  }

  picked() {
    const files = [...this.picker.files];
    this.picker.value = "";
    for (const file of files) this.add(file);
  }

  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || !this.limit) return;
    event.preventDefault();
    for (const file of files) this.add(file);
  }

  async add(file) {
    if (file.size > this.limit) return this.on.trouble(this.words("too_large"));
    const one = { name: file.name || "file", file: "" };
    this.files.push(one);
    this.draw();
    try {
      one.file = (await this.on.upload(file)).file;
    } catch (error) {
      this.files = this.files.filter((other) => other !== one);
      this.on.trouble(error.status === 413 ? this.words("too_large") : this.words("upload_failed", { name: one.name }));
    }
    this.draw();
    return undefined;
  }

  draw() {
    this.chips.replaceChildren(...this.files.map((one) => {
      const drop = () => {
        this.files = this.files.filter((other) => other !== one);
        this.draw();
        this.field.focus();
      };
      const label = this.words("remove_file", { name: one.name });
      return h("li", {}, one.file ? one.name : this.words("uploading", { name: one.name }), button({ "aria-label": label, onclick: drop }, icon("close")));
    }));
    this.send.disabled = this.files.some((one) => !one.file);
  }
}
