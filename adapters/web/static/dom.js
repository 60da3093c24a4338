// Small tools for making elements. Strings become text nodes; there is no way to pass markup.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  chat: "M3 3.5h10a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H7l-3.5 3v-3H3a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z",
  close: "M4 4l8 8M12 4l-8 8",
  send: "M8 13V3.5M3.8 7.5 8 3.2l4.2 4.3",
  stop: "M5 5h6v6H5z",
  attach: "M12.5 7.5 8 12a2.8 2.8 0 0 1-4-4l5-5a1.9 1.9 0 0 1 2.7 2.7l-5 5a.9.9 0 0 1-1.3-1.3L9.7 5",
  file: "M4 2.5h5l3 3v8H4zM9 2.5v3h3",
  up: "M5 7.5v6H2.5v-6zM5 7.5 8 2c1.2 0 1.7.8 1.5 2l-.4 2.5h3.4c.8 0 1.3.6 1.1 1.4l-1 4.4c-.2.7-.7 1.2-1.4 1.2H5",
  down: "M11 8.5v-6h2.5v6zM11 8.5 8 14c-1.2 0-1.7-.8-1.5-2l.4-2.5H3.500c-.8 0-1.3-.6-1.100-1.400l1-4.400c.2-.7.7-1.200 1.400-1.200H11",
};

// h("p", {class: "x", onclick: f}, "text", [more]) → <p class="x">text…</p>. Null props and children are left out.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...flat(children));
  return element;
}

export function button(props, ...children) {
  return h("button", { type: "button", ...props }, ...children);
}

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  set(drawing, { viewBox: "0 0 16 16", "aria-hidden": "true", class: "icon" });
  const path = document.createElementNS(SVG, "path");
  set(path, { d: ICONS[name], class: name === "stop" ? "full" : "" });
  drawing.append(path);
  return drawing;
}

export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
