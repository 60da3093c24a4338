// The server's tree of a text → elements. Only the elements listed here are ever made, and every word is a text node,
// so nothing that a person, a model or a tool wrote can become markup.

import { h } from "./dom.js";

const PLAIN = new Set([
  "p", "em", "strong", "del", "code", "br", "hr", "ul", "li", "blockquote", "h3", "h4", "h5", "h6", "tr", "span",
]);
const ALIGN = { left: "to-left", center: "to-center", right: "to-right" };

export function elements(nodes) {
  return nodes.map((node) => (typeof node === "string" ? document.createTextNode(node) : element(node)));
}

function element(node) {
  const inner = () => elements(node.c ?? []);
  if (PLAIN.has(node.t)) return h(node.t, {}, inner());
  switch (node.t) {
    case "a": return link(node, inner());
    case "ol": return h("ol", { start: Number.isInteger(node.start) && node.start !== 1 ? node.start : null }, inner());
    case "pre": return h("pre", { tabindex: "0", dir: "ltr" }, h("code", {}, String(node.v)));
    case "th": return h("th", { scope: "col", class: ALIGN[node.align] }, inner());
    case "td": return h("td", { class: ALIGN[node.align] }, inner());
    case "table": return h("div", { class: "table", tabindex: "0" }, h("table", {}, inner()));
    default: return h("span", {}, inner());
  }
}

function link(node, inner) {
  const href = safe(node.href);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, inner) : h("span", {}, inner);
}

// The server sends only such addresses; here they are looked at once more, where they would be opened.
export function safe(target) {
  try {
    const url = new URL(target);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}
