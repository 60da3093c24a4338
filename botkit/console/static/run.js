// One run: what was asked, every step, what came out. Followed until it ends.

import { button, find, h, replace } from "./dom.js";
import { count, duration, exact, money } from "./format.js";
import { get, post } from "./net.js";
import { Call } from "./calls.js";
import { markdown } from "./render.js";
import { Shell } from "./shell.js";
import { Stream } from "./stream.js";
import { local_times } from "./times.js";
import { numbers, path, problem, state_chip, token_bar } from "./trace.js";
import { WaitCard } from "./waits.js";

const AGAIN_MS = 1500;
const OPEN = new Set(["running", "waiting"]);

class RunPage {
  constructor() {
    this.root = find("#run");
    this.run_id = this.root.dataset.run;
    this.shell = new Shell();
    this.shell.on_decided = () => this.load();
    this.shell.on_status = () => this.load();
    new Stream("", this.shell.handlers);
    local_times();
    this.load();
  }

  async load() {
    clearTimeout(this.again);
    let page;
    try {
      page = await get(`/runs/${encodeURIComponent(this.run_id)}`);
    } catch (error) {
      if (!this.shown) replace(this.root, h("p", { class: "problem", role: "alert" }, error.message));
      this.again = setTimeout(() => this.load(), AGAIN_MS * 4);
      return;
    }
    // drawn again only when something changed, so that an opened call stays open
    const shown = JSON.stringify({ ...page, now: 0, bars: page.bars.map((bar) => ({ ...bar, end_us: 0, left: 0, width: 0 })) });
    if (shown !== this.shown) this.show(page);
    this.shown = shown;
    if (OPEN.has(page.turn.state) && !document.hidden) this.again = setTimeout(() => this.load(), AGAIN_MS);
  }

  show(page) {
    const { turn } = page;
    replace(find("#run-state"), state_chip(turn.state, turn.waiting_for));
    replace(find("#run-actions"), OPEN.has(turn.state) ? this.cancel_button() : null);
    const tokens = token_bar(turn);
    replace(this.root,
      h("div", { class: "column" },
        problem(turn.error),
        section("Message", turn.text && h("div", { class: "text plain" }, turn.text)),
        this.waits(page),
        section("Tool calls", turn.calls.length ? h("ul", { class: "calls" }, turn.calls.map((call) => new Call(call).element)) : null),
        section("Answer", turn.reply && h("div", { class: "text" }, markdown(turn.reply))),
        section("Model calls", models(page)),
        section("Delivery", parts(page))),
      h("div", { class: "column beside" },
        numbers(page),
        h("section", {}, h("h2", {}, "Path"), path(page)),
        tokens && h("section", {}, h("h2", {}, "Tokens"), tokens)));
    this.root.removeAttribute("aria-busy");
  }

  waits(page) {
    const open = page.waits.filter((wait) => wait.state === "open");
    if (!open.length) return null;
    return section("Waiting", h("div", {}, open.map((wait) => new WaitCard({
      id: wait.id,
      kind: wait.kind,
      run_id: page.turn.run_id,
      title: wait.payload.message ?? wait.payload.name ?? "",
      tool: wait.payload.tool ?? wait.payload.name ?? "",
      arguments: wait.payload.arguments ?? {},
      reason: wait.payload.reason ?? "",
      expires_at: wait.expires_at,
    }, { decided: (view) => { this.shell.forget(view.id); this.load(); } }).element)));
  }

  cancel_button() {
    const cancel = button({ class: "danger" }, "Cancel this run");
    cancel.addEventListener("click", async () => {
      if (!cancel.dataset.sure) {
        cancel.dataset.sure = "yes";
        cancel.textContent = "Really cancel?";
        return;
      }
      cancel.disabled = true;
      try {
        await post(`/runs/${encodeURIComponent(this.run_id)}/cancel`, {});
      } catch (error) {
        this.shell.banner(error.message, "bad");
      }
      this.load();
    });
    return cancel;
  }
}

function section(title, content) {
  return content ? h("section", {}, h("h2", {}, title), content) : null;
}

function models(page) {
  if (!page.models.length) return null;
  const rows = page.models.map((call) => {
    const usage = call.usage ?? {};
    return h("tr", {},
      h("td", {}, call.model ?? "", call.code ? [" ", h("code", {}, call.code)] : null),
      h("td", { class: "number" }, count(usage.input_tokens ?? 0)),
      h("td", { class: "number" }, count(usage.output_tokens ?? 0)),
      h("td", { class: "number" }, money(usage.cost_micros ?? 0)),
      h("td", { class: "number" }, duration(call.latency_ms ?? 0)));
  });
  return table(["Model", "In", "Out", "Cost", "Took"], rows, 1);
}

function parts(page) {
  if (!page.parts.length) return null;
  const rows = page.parts.map((part) => h("tr", {},
    h("td", {}, part.text.slice(0, 160)),
    h("td", {}, part.state, part.error && h("div", { class: "muted" }, part.error)),
    h("td", {}, h("time", {}, exact(part.created_at)))));
  return table(["Text", "State", "Written"], rows, 9);
}

function table(names, rows, numbers_from) {
  return h("div", { class: "scroll" }, h("table", { class: "rows" },
    h("thead", {}, h("tr", {}, names.map((name, at) => h("th", { scope: "col", class: at >= numbers_from ? "number" : null }, name)))),
    h("tbody", {}, rows)));
}

new RunPage();
