// Small tools for making elements. Strings become text nodes; there is no way to pass markup.

const SVG = "http://www.w3.org/2000/svg";

// h("p", {class: "x", onclick: f}, "text", [more]) → <p class="x">text…</p>. Null props and children are left out.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...flat(children));
  return element;
}

export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  set(element, props);
  element.append(...flat(children));
  return element;
}

export function button(props, ...children) {
  return h("button", { type: "button", ...props }, ...children);
}

function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

export function replace(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

export function find(selector, root = document) {
  return root.querySelector(selector);
}

// Data the server put into the page.
export function island(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

// Icons on a 16-pixel grid, drawn with the colour of the text.
const ICONS = {
  check: "M3 8.5 6.5 12 13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2 1.6",
  question: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2zM6.3 6.4a1.8 1.8 0 1 1 2.5 1.7c-.5.2-.8.6-.8 1.1M8 11.2v.1",
  chevron: "M6 3.5 10.5 8 6 12.5",
  plus: "M8 3v10M3 8h10",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  panel: "M2.5 3.5h11v9h-11zM10 3.5v9",
  clip: "M12.6 7.4 8 12a2.9 2.9 0 0 1-4.1-4.1l4.9-4.9a1.9 1.9 0 0 1 2.8 2.8L6.7 10.6a1 1 0 0 1-1.4-1.4l4.3-4.3",
  send: "M8 13V3.5M3.8 7.5 8 3.2l4.2 4.3",
  stop: "M5 5h6v6H5z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
  auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  spark: "M8 2.2l1.5 4.3 4.3 1.5-4.3 1.5L8 13.8l-1.5-4.3L2.2 8l4.3-1.5z",
  down: "M8 3v9.5M4 8.8l4 4 4-4",
  tool: "M10.2 2.6a3.4 3.4 0 0 0-3.9 4.6L2.6 10.9a1.4 1.4 0 0 0 2 2l3.7-3.7a3.4 3.4 0 0 0 4.6-4l-2 2-1.8-.4-.4-1.8z",
  trash: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
};

export function icon(name, props = {}) {
  const drawing = svg("path", { d: ICONS[name], fill: name === "stop" ? "currentColor" : "none" });
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", ...props }, drawing);
}

export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // plain http on another host has no clipboard; a selection that is copied works there too
  const field = h("textarea", { class: "off-screen", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function on_copy(element, text) {
  const label = element.textContent;
  element.addEventListener("click", async () => {
    try {
      await copy(text());
      element.textContent = "Copied";
    } catch {
      element.textContent = "Not copied";
    }
    setTimeout(() => { element.textContent = label; }, 1500);
  });
}
