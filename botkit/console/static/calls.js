// Tool calls: what was asked of which tool, what came back, how long it took.

import { button, h, icon, on_copy, replace } from "./dom.js";
import { duration, peek, pretty, pretty_text, split_tool } from "./format.js";

const SHOWN = 20_000;
const SAID = { ok: "succeeded", failed: "failed", waiting: "waits for a decision", running: "is running", unknown: "outcome unknown" };
const MARKS = { ok: "check", failed: "cross", waiting: "clock", unknown: "question" };

// One call as a row that opens. `update` may be called again as the call goes on.
export class Call {
  constructor(call) {
    this.summary = h("summary");
    this.inside = h("div", { class: "inside" });
    this.details = h("details", { class: "call" }, this.summary, this.inside);
    this.element = h("li", {}, this.details);
    this.call = { state: "running", arguments: {}, result: "", duration_ms: 0, progress: "" };
    this.update(call);
  }

  update(changes) {
    const call = Object.assign(this.call, changes);
    const [server, tool] = split_tool(call.tool);
    const mark = call.state === "running" ? h("span", { class: "spin" }) : icon(MARKS[call.state], { class: `icon ${call.state}` });
    replace(this.summary,
      mark,
      h("span", { class: "name" }, server && h("small", {}, `${server} `), tool, h("span", { class: "off-screen" }, `, ${SAID[call.state]}`)),
      h("span", { class: "peek" }, call.state === "running" && call.progress ? call.progress : peek(call.arguments)),
      h("span", { class: "took" }, took(call)),
      icon("chevron", { class: "icon chevron" }));
    replace(this.inside,
      pane("Arguments", pretty(call.arguments)),
      call.result ? pane(call.state === "failed" ? "Error" : "Result", pretty_text(call.result), call.state === "failed" ? "failed" : "") : null);
  }
}

function took(call) {
  if (call.state === "waiting") return "waiting";
  if (call.state === "running") return "";
  return call.state === "unknown" ? "unknown" : duration(call.duration_ms);
}

function pane(title, text, kind = "") {
  const body = h("pre", { tabindex: "0", "aria-label": title }, text.slice(0, SHOWN));
  const copy = button({ class: "link", "aria-label": `Copy ${title.toLowerCase()}` }, "Copy");
  on_copy(copy, () => text);
  const parts = [h("h4", {}, title, copy), body];
  if (text.length > SHOWN) {
    const more = button({ class: "link" }, `Show all ${text.length.toLocaleString("en-US")} characters`);
    more.addEventListener("click", () => {
      body.textContent = text;
      more.remove();
    });
    parts.push(more);
  }
  return h("div", { class: `pane ${kind}` }, parts);
}
