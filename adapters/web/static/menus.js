// What is chosen or filled in below a message: the browser's own controls, which every keyboard and screen reader knows.

import { button, h } from "./dom.js";

const FEW = 6; // so many options are shown at once; more of them fold into a list
const LONGEST = 4000;
let numbers = 0;

// A choice among options. `send(values)` gets what was chosen.
export function menu({ label, options, least, most }, say, send) {
  const choice = choices(options, { least, most, required: least > 0 }, say);
  return sheet("menu", label || say("choose"), !label, [choice.element, submit(say("choose"))], () => {
    if (choice.fits()) send(choice.values());
  });
}

// A form that was opened. `send(fields)` gets the answers by the names of the fields.
export function form({ title, fields, send_label }, say, send) {
  const asked = fields.map((field) => ({ name: field.name, ...question(field, say) }));
  return sheet("menu", title, !title, [...asked.map((one) => one.element), submit(send_label || say("send"))], () => {
    if (!asked.every((one) => one.fits?.() ?? true)) return;
    send(Object.fromEntries(asked.map((one) => [one.name, one.value()]).filter(([, value]) => value !== "" && value?.length !== 0)));
  });
}

function sheet(kind, title, hidden, inner, done) {
  const legend = h("legend", { class: hidden ? "off" : null, dir: "auto" }, title);
  return h("form", {
    class: kind,
    onsubmit: (event) => {
      event.preventDefault();
      done();
    },
  }, h("fieldset", {}, legend, inner));
}

function submit(label) {
  return button({ class: "key primary", type: "submit" }, label);
}

function choices(options, { least, most, required, initial = "" }, say) {
  const name = `c${(numbers += 1)}`;
  const chosen = new Set(initial ? [initial] : []);
  if ((most ?? 1) === 1 && options.length > FEW) {
    const shown = options.map(({ value, label, about }) => h("option", { value, selected: chosen.has(value) }, about ? `${label} – ${about}` : label));
    const list = h("select", { name, required, "aria-label": say("choose") }, h("option", { value: "" }, say("pick_one")), shown);
    return { element: list, field: list, fits: () => true, values: () => (list.value ? [list.value] : []) };
  }
  const type = most === 1 ? "radio" : "checkbox";
  const boxes = options.map(({ value, selected }) => h("input", { type, name, value, checked: selected || chosen.has(value), required: required && type === "radio" }));
  const rows = options.map(({ label, about }, at) => h("label", { class: "option", dir: "auto" }, boxes[at], h("span", {}, label, about ? h("small", {}, about) : null)));
  const values = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const fits = () => {
    const count = values().length;
    const wrong = type === "checkbox" && (count < least || count > most);
    boxes[0].setCustomValidity(wrong ? say("pick", { least, most }) : "");
    return boxes[0].reportValidity();
  };
  for (const box of boxes) box.addEventListener("change", () => boxes[0].setCustomValidity(""));
  return { element: h("div", { class: "options" }, rows), field: boxes[0], fits, values };
}

function question({ name, label, kind, required, about, initial, least, most, options, many }, say) {
  const id = `f${(numbers += 1)}`;
  const hint = about ? h("small", { id: `${id}-about` }, about) : null;
  const common = { id, name, required, "aria-describedby": hint ? hint.id : null };
  const title = required ? [label, h("span", { "aria-hidden": "true" }, " *")] : label;
  const labelled = (control) => h("div", { class: "question", dir: "auto" }, h("label", { for: id }, title), hint, control);
  switch (kind) {
    case "choice": {
      const bounds = many ? { least: least ?? (required ? 1 : 0), most: most ?? options.length } : { least: required ? 1 : 0, most: 1 };
      const choice = choices(options, { ...bounds, required, initial }, say);
      const group = h("fieldset", { class: "question", dir: "auto" }, h("legend", {}, title), hint, choice.element);
      if (choice.element.tagName === "SELECT") choice.element.setAttribute("aria-label", label);
      return { element: group, fits: choice.fits, value: () => (many ? choice.values() : (choice.values()[0] ?? "")) };
    }
    case "checkbox": {
      const box = h("input", { ...common, type: "checkbox", checked: initial === "true", required: null });
      return { element: h("div", { class: "question", dir: "auto" }, h("label", { class: "option" }, box, h("span", {}, title, hint))), value: () => box.checked };
    }
    case "paragraph": {
      const area = h("textarea", { ...common, rows: "3", maxlength: most ?? LONGEST, minlength: least, dir: "auto" }, initial);
      return { element: labelled(area), value: () => area.value.trim() };
    }
    default: {
      const number = kind === "number";
      const bounds = number ? { min: least, max: most, step: "any", inputmode: "decimal" } : { maxlength: most ?? LONGEST, minlength: least };
      const type = { number: "number", date: "date" }[kind] ?? "text";
      const input = h("input", { ...common, ...(kind === "date" ? {} : bounds), type, value: initial, dir: type === "text" ? "auto" : null });
      return { element: labelled(input), value: () => input.value.trim() };
    }
  }
}
