// Where messages are written: grows with the text, sends on Enter, keeps what could not be sent.

import { Attached } from "./attached.js";
import { button, find, h, icon, replace } from "./dom.js";
import { kib } from "./format.js";

export class Composer {
  // handlers: send(text, files), stop()
  constructor(limit_bytes, handlers) {
    this.limit = limit_bytes;
    this.handlers = handlers;
    this.field = find("#message");
    this.hint = find("#composer-hint");
    this.hint_text = [...this.hint.childNodes];
    this.send_button = find("#send");
    this.stop_button = find("#stop");
    this.error = find("#composer-error");
    this.said = "";
    this.attached = new Attached({ changed: () => this.changed(), fail: (text) => this.fail(text) });
    replace(this.send_button, icon("send"));
    replace(this.stop_button, icon("stop"), "Stop");
    find("#composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stop_button.addEventListener("click", () => this.handlers.stop());
    this.field.addEventListener("input", () => this.changed());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.changed();
  }

  key(event) {
    // while an input method composes a word, Enter belongs to it
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && !this.stop_button.hidden) {
      event.preventDefault();
      this.handlers.stop();
    } else if (event.key === "ArrowUp" && !this.field.value && this.said) {
      event.preventDefault();
      this.write(this.said);
    }
  }

  submit() {
    const text = this.field.value.trim();
    if (this.attached.busy || (!text && !this.attached.files.length) || this.too_long(text)) return;
    this.said = text;
    this.fail("");
    const files = this.attached.take();
    this.write("");
    this.handlers.send(text, files);
  }

  write(text) {
    this.field.value = text;
    this.changed();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  // A message that was refused goes back to where it can be changed.
  give_back(text, files = []) {
    this.attached.give_back(files);
    if (!this.field.value.trim()) this.write(text);
  }

  changed() {
    const text = this.field.value;
    const nothing = !text.trim() && !this.attached.files.length;
    this.send_button.disabled = this.attached.busy || nothing || this.too_long(text);
    if (!CSS.supports("field-sizing", "content")) {
      this.field.rows = Math.min(12, Math.max(1, text.split("\n").length));
    }
  }

  too_long(text) {
    const near = text.length * 3 > this.limit;
    const size = near ? new TextEncoder().encode(text).length : 0;
    const over = size > this.limit;
    this.hint.classList.toggle("over", over);
    if (over) replace(this.hint, `${kib(size)} is too long: at most ${kib(this.limit)} can be sent at once.`);
    else if (size > this.limit * 0.8) replace(this.hint, `${kib(size)} of ${kib(this.limit)}`);
    else if (this.hint.firstChild !== this.hint_text[0]) replace(this.hint, this.hint_text);
    return over;
  }

  busy(working) {
    const had_focus = document.activeElement === this.stop_button;
    this.stop_button.hidden = !working;
    this.stop_button.disabled = false;
    if (!working && had_focus) this.field.focus();
  }

  stopping() {
    this.stop_button.disabled = true;
  }

  fail(text) {
    this.error.hidden = !text;
    if (!text) return;
    const close = button({ class: "link", onclick: () => this.fail("") }, "Close");
    replace(this.error, h("span", {}, text), close);
  }

  placeholder(name) {
    this.field.placeholder = `Message ${name}`;
  }
}
