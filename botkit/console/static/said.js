// A message of a person on the screen.

import { h } from "./dom.js";
import { iso, moment } from "./format.js";

// `foot` is where its fate is told: sent at a time, or not sent and why.
export function said_element(text, author, at) {
  const time = h("time", { datetime: iso(at) }, moment(at));
  const foot = h("footer", {}, author ? `${author}, ` : "", time);
  const element = h("article", { class: "said", "aria-label": author ? `Message of ${author}` : "Your message" },
    h("div", { class: "bubble" }, h("div", { class: "plain" }, text)), foot);
  return { element, foot, time, id: "", lost: false };
}
