// Files that go with the next message: uploaded at once, named above it until it is sent.

import { button, find, h, icon, replace } from "./dom.js";
import { upload } from "./net.js";

const MOST = 10;

export class Attached {
  // handlers: changed(), fail(text)
  constructor(handlers) {
    this.handlers = handlers;
    this.files = [];
    this.under_way = 0;
    this.list = find("#attached");
    this.input = find("#files");
    const attach = find("#attach");
    replace(attach, icon("clip"));
    attach.addEventListener("click", () => this.input.click());
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    find("#message").addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.add(files);
    });
  }

  get busy() {
    return this.under_way > 0;
  }

  async add(files) {
    if (this.files.length + this.under_way + files.length > MOST) {
      return this.handlers.fail(`A message has at most ${MOST} files.`);
    }
    this.under_way += files.length;
    this.show();
    await Promise.all(files.map((file) => this.store(file)));
    return undefined;
  }

  async store(file) {
    try {
      this.files.push(await upload(file));
    } catch (error) {
      this.handlers.fail(`${file.name} was not attached. ${error.message}`);
    }
    this.under_way -= 1;
    this.show();
  }

  take() {
    const files = this.files;
    this.files = [];
    this.show();
    return files;
  }

  give_back(files) {
    this.files = [...files, ...this.files];
    this.show();
  }

  show() {
    this.list.hidden = !this.files.length && !this.busy;
    const rows = this.files.map((file) => h("li", {}, h("span", {}, file.name),
      button({ class: "icon-button", "aria-label": `Remove ${file.name}`, onclick: () => this.remove(file) }, icon("cross"))));
    replace(this.list, ...rows, ...(this.busy ? [h("li", { class: "muted" }, "Storing")] : []));
    this.handlers.changed();
  }

  remove(file) {
    this.files = this.files.filter((other) => other !== file);
    this.show();
    find("#message").focus();
  }
}
