// Markdown on the screen. Every element is made by hand and every text is a text node, so nothing that a
// person, a model or a tool wrote can become markup.

import { button, h, on_copy } from "./dom.js";
import { parseInline } from "./inline.js";
import { parseMarkdown } from "./markdown.js";

// Shows a text that may grow: only blocks that changed are made anew, so a selection survives above them.
export class Markdown {
  constructor() {
    this.element = h("div", { class: "md" });
    this.shown = [];
  }

  update(text) {
    const blocks = parseMarkdown(text);
    let same = 0;
    while (same < blocks.length && same < this.shown.length && blocks[same].raw === this.shown[same]) same += 1;
    while (this.element.childNodes.length > same) this.element.lastChild.remove();
    for (const block of blocks.slice(same)) this.element.append(block_element(block));
    this.shown = blocks.map((block) => block.raw);
    return this;
  }
}

export function markdown(text) {
  return new Markdown().update(text).element;
}

// One sentence of ours, such as an error, with its `code` set as code.
export function phrase(text) {
  return inline(parseInline(text));
}

function block_element(block) {
  switch (block.t) {
    // the page has its own h1 and h2; a heading in an answer is below them
    case "heading": return h(`h${Math.min(6, block.level + 2)}`, {}, inline(block.c));
    case "code": return code_element(block);
    case "quote": return h("blockquote", {}, block.c.map(block_element));
    case "list": return list_element(block);
    case "table": return table_element(block);
    case "rule": return h("hr");
    default: return h("p", {}, inline(block.c));
  }
}

function code_element({ language, v }) {
  const copy = button({ class: "link", "aria-label": "Copy code" }, "Copy");
  on_copy(copy, () => v);
  return h("figure", { class: "code" },
    h("figcaption", {}, h("span", {}, language || "text"), copy),
    h("pre", { tabindex: "0" }, h("code", {}, v)));
}

function list_element({ ordered, start, loose, items }) {
  const list = h(ordered ? "ol" : "ul");
  if (ordered && start !== 1) list.setAttribute("start", String(start));
  for (const item of items) {
    const element = h("li");
    if (item.task !== null) {
      element.className = "task";
      element.append(h("span", { class: item.task ? "box done" : "box", role: "img", "aria-label": item.task ? "done" : "to do" }));
    }
    for (const block of item.c) {
      if (!loose && block.t === "paragraph") element.append(...inline(block.c));
      else element.append(block_element(block));
    }
    list.append(element);
  }
  return list;
}

function table_element({ align, head, rows }) {
  const cell = (tag, content, column) =>
    h(tag, { class: align[column] ? `to-${align[column]}` : null, scope: tag === "th" ? "col" : null }, inline(content));
  return h("div", { class: "table", role: "region", "aria-label": "Table", tabindex: "0" },
    h("table", {},
      h("thead", {}, h("tr", {}, head.map((content, column) => cell("th", content, column)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((content, column) => cell("td", content, column)))))));
}

function inline(nodes) {
  return nodes.map((node) => {
    switch (node.t) {
      case "text": return document.createTextNode(node.v);
      case "code": return h("code", {}, node.v);
      case "br": return h("br");
      case "em": case "strong": case "del": return h(node.t, {}, inline(node.c));
      case "link": return h("a", { href: node.href, title: node.title || node.href, target: "_blank", rel: "noopener noreferrer nofollow" }, inline(node.c));
      default: return h("span", {}, inline(node.c));
    }
  });
}
