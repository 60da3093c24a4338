// The chat page: one room of the sandbox at a time, shown as it happens.

import { button, find, h, icon, replace } from "./dom.js";
import { Chats } from "./chats.js";
import { Composer } from "./composer.js";
import { hello, no_bots } from "./hello.js";
import { get, new_id, post, Refused } from "./net.js";
import { TracePanel } from "./panel.js";
import { said_element } from "./said.js";
import { keep, kept, Shell } from "./shell.js";
import { Stream } from "./stream.js";
import { DECIDED, part_kind } from "./trace.js";
import { Turn } from "./turn.js";
import { wait_from_event } from "./waits.js";

const NEAR_END = 90; // pixels: closer than this, the log follows what is written
const SILENCE_MS = 15_000;
const OTHER = "+other";

class ChatPage {
  constructor() {
    this.shell = new Shell();
    this.shell.on_status = (overview, waits) => this.status(overview, waits);
    this.shell.on_decided = (...what) => this.decided(...what);
    this.overview = this.shell.overview;
    this.chats = new Chats();
    this.log = find("#log");
    this.list = find("#turns");
    this.panel = new TracePanel(() => {
      this.toggle_panel(false);
      find("#open-trace").focus();
    });
    this.guests = new Set();
    this.turns = new Map();
    this.told = new Set(); // notices that the history brought
    this.pending = [];
    this.follow = true;
    this.composer = new Composer(Number(find("#chat").dataset.limitBytes), { send: (text, files) => this.send(text, null, files), stop: () => this.stop() });
    this.controls();
    this.fill_pickers();
    this.start();
  }

  // ── set-up ──

  controls() {
    replace(find("#new-chat"), icon("plus"), "New chat");
    find("#new-chat").addEventListener("click", () => this.open(this.chats.fresh(this.bot_name, this.person), { focus: true }));
    find("#chats").addEventListener("click", (event) => {
      const link = event.target.closest("a[data-room]");
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.open(this.chats.find(link.dataset.room), { focus: true });
    });
    find("#bot").addEventListener("change", () => this.switch_to(find("#bot").value, this.person));
    find("#person").addEventListener("change", () => this.pick_person());
    find("#guest-cancel").addEventListener("click", () => find("#guest").close());
    find("#guest").addEventListener("close", () => this.guest_named());
    replace(find("#open-side"), icon("menu"));
    find("#open-side").addEventListener("click", () => this.side(true));
    find("#veil").addEventListener("click", () => { this.side(false); if (narrow()) this.toggle_panel(false); });
    replace(find("#open-trace"), icon("panel"), h("span", { class: "word" }, "Trace"));
    find("#open-trace").setAttribute("aria-label", "Trace");
    find("#open-trace").addEventListener("click", () => this.toggle_panel(this.panel.hidden));
    replace(find("#latest"), icon("down"), "Latest");
    find("#latest").addEventListener("click", () => this.to_end(true));
    // whatever makes it longer: the end stays in view for those who are there
    new ResizeObserver(() => this.to_end(false)).observe(this.list);
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    addEventListener("popstate", () => this.open(this.from_address()));
    document.addEventListener("keydown", (event) => this.shortcut(event));
    this.toggle_panel(!narrow() && kept("botkit.trace") !== "closed");
  }

  start() {
    this.open(this.from_address(), { replace: true, focus: !coarse() });
    this.chats.load();
  }

  from_address() {
    const room = new URLSearchParams(location.search).get("chat");
    const known = room && this.chats.find(room);
    if (known) return known;
    const people = this.overview.people;
    const last = this.chats.list[0];
    const bot = this.bot_info(last?.bot)?.name ?? this.overview.bots[0]?.name ?? "";
    const person = people.find((one) => one.name === last?.person)?.name ?? people[0]?.name ?? "operator";
    return room ? { room, bot, person, title: "", at: 0 } : this.chats.fresh(bot, person);
  }

  shortcut(event) {
    if (event.key === "Escape" && !find("#veil").hidden) {
      this.side(false);
      if (narrow()) this.toggle_panel(false);
      find("#message").focus();
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) {
      event.preventDefault();
      find("#message").focus();
    }
  }

  fill_pickers() {
    const { bots, people } = this.overview;
    fill(find("#bot"), bots.map((bot) => [bot.name, bot.title || bot.name]), this.chat?.bot);
    const named = people.map((one) => [one.name, one.roles.length ? `${one.title || one.name} (${one.roles.join(", ")})` : one.title || one.name]);
    const guests = [...this.guests].filter((name) => !people.some((one) => one.name === name)).map((name) => [name, name]);
    fill(find("#person"), [...named, ...guests, [OTHER, "Somebody else…"]], this.chat?.person);
    find("#bot").disabled = bots.length === 0;
  }

  // ── which chat ──

  get bot_name() {
    return this.chat?.bot ?? "";
  }

  get person() {
    return this.chat?.person ?? "";
  }

  bot_info(name) {
    return this.overview.bots.find((bot) => bot.name === name);
  }

  // Another bot or person in a chat that has begun would confuse both: that is a new chat.
  switch_to(bot, person) {
    const begun = this.turns.size > 0 || this.pending.length > 0 || this.chat.title;
    const chat = begun ? this.chats.fresh(bot, person) : { ...this.chat, bot, person };
    this.open(chat, { replace: !begun, focus: true });
  }

  pick_person() {
    const chosen = find("#person").value;
    if (chosen !== OTHER) return this.switch_to(this.bot_name, chosen);
    find("#person").value = this.person;
    find("#guest-name").value = "";
    find("#guest").returnValue = "";
    return find("#guest").showModal();
  }

  guest_named() {
    const name = find("#guest-name").value.trim();
    if (find("#guest").returnValue !== "ok" || !name) return;
    this.guests.add(name);
    this.fill_pickers();
    this.switch_to(this.bot_name, name);
  }

  open(chat, { replace: quietly = false, focus = false } = {}) {
    this.chat = chat;
    if (chat.person && !this.overview.people.some((one) => one.name === chat.person)) this.guests.add(chat.person);
    this.fill_pickers();
    const address = `/?chat=${encodeURIComponent(chat.room)}`;
    if (quietly) history.replaceState(null, "", address);
    else if (location.search !== address.slice(1)) history.pushState(null, "", address);
    this.chats.show(chat.room);
    this.side(false);
    this.forget_all();
    this.show_hello();
    this.composer.fail("");
    this.composer.placeholder(this.bot_info(chat.bot)?.title || chat.bot || "a bot");
    if (focus) find("#message").focus();
    this.stream?.close();
    this.stream = new Stream(chat.room, {
      ...this.shell.handlers,
      hello: (hello) => this.hello(hello),
      live: (event) => this.live(event),
      resync: () => this.load(chat.room, []),
    });
  }

  forget_all() {
    this.turns.clear();
    this.told.clear();
    this.pending = [];
    this.queue = null;
    clearTimeout(this.quiet);
    this.list.replaceChildren();
    this.panel.choose(null);
    this.busy();
  }

  // ── what was said ──

  hello({ resumed, replay }) {
    if (!resumed) this.load(this.chat.room, replay);
  }

  async load(room, replay) {
    this.queue = [];
    const unsent = this.pending.filter((said) => said.lost);
    try {
      const chat = await get(`/chats/${encodeURIComponent(room)}`);
      if (room !== this.chat.room) return;
      this.show_history(chat, new Set(replay));
      for (const said of unsent) this.list.append(said.element);
      this.pending.push(...unsent);
    } catch (error) {
      if (room === this.chat.room) this.composer.fail(`The history of this chat could not be read. ${error.message}`);
    }
    const queued = this.queue ?? [];
    this.queue = null;
    for (const event of queued) this.live(event);
    this.busy();
    this.to_end(true);
  }

  show_history({ turns, waits }, replay) {
    const before = this.pending.filter((said) => !turns.some((turn) => turn.message_id === said.id));
    this.turns.clear();
    this.list.replaceChildren();
    this.told = new Set(turns.map((view) => view.notice_id).filter(Boolean));
    for (const view of turns) {
      if (view.text) this.list.append(said_element(view.text, this.is_me(view.author) ? "" : view.author, view.at).element);
      if (view.run_id) this.turn(view.run_id, view.bot).apply(view, { without_calls: view.state === "running" && replay.has(view.run_id) });
      else if (view.reply || view.notes.length) this.aside(view.reply || view.notes.join("\n\n"), view.reply_at || view.at);
    }
    this.pending = before.filter((said) => !said.lost);
    for (const said of this.pending) this.list.append(said.element);
    for (const wait of waits) this.turns.get(wait.run_id)?.wait(wait);
    const first = turns.find((turn) => turn.text);
    if (first && !this.chat.title) this.chat.title = title_of(first.text);
    this.show_hello();
    const newest = [...this.turns.values()].at(-1);
    this.panel.choose(this.turns.get(this.panel.turn?.run_id) ?? newest ?? null);
  }

  show_hello() {
    find(".hello", this.list)?.remove();
    if (this.list.childNodes.length) return;
    const bot = this.bot_info(this.bot_name);
    this.list.append(bot ? hello(bot, this.overview, (text) => this.send(text)) : no_bots());
  }

  turn(run_id, bot = this.bot_name) {
    let turn = this.turns.get(run_id);
    if (!turn) {
      find(".hello", this.list)?.remove();
      turn = new Turn(run_id, this.bot_info(bot) ?? { name: bot }, {
        trace: (chosen, open) => this.trace(chosen, open),
        decided: (view, ...what) => this.shell.forget(view.id) ?? this.decided(view, ...what),
      });
      this.turns.set(run_id, turn);
      this.list.append(turn.element);
    }
    return turn;
  }

  // Something the bot said outside of a run: the answer to a command, a notice.
  aside(text, at = Date.now() * 1000) {
    const turn = new Turn("", this.bot_info(this.bot_name) ?? { name: this.bot_name }, {});
    turn.apply({ run_id: "", state: "completed", calls: [], notes: [], reply: text, at, reply_at: at, input_tokens: 0, output_tokens: 0, latency_ms: 0 });
    find(".hello", this.list)?.remove();
    this.list.append(turn.element);
  }

  // ── saying something ──

  async send(text, said = null, files = []) {
    if (!this.bot_name) return this.composer.fail("There is no bot to talk to: add one under `bots:` in bots.yaml.");
    const chat = this.chat;
    find(".hello", this.list)?.remove();
    if (!said) {
      said = said_element([text, ...files.map((file) => `📎 ${file.name}`)].filter(Boolean).join("\n"), "", Date.now() * 1000);
      said.id = new_id();
      said.files = files;
      this.list.append(said.element);
    }
    said.lost = false;
    said.element.classList.remove("lost");
    replace(said.foot, "Sending");
    if (!this.pending.includes(said)) this.pending.push(said);
    this.to_end(true);
    try {
      await post("/messages", { room: chat.room, bot: chat.bot, person: chat.person, text, message_id: said.id, files: said.files ?? [] });
      replace(said.foot, said.time);
      const title = title_of(text || said.files?.[0]?.name || "");
      this.chats.remember({ ...chat, title: chat.title || title, at: Date.now() * 1000 });
      this.chat.title ||= title;
      this.watch_silence();
    } catch (error) {
      this.not_sent(said, text, error);
    }
    return undefined;
  }

  not_sent(said, text, error) {
    if (error instanceof Refused && error.status < 500) {
      this.pending = this.pending.filter((other) => other !== said);
      said.element.remove();
      this.show_hello();
      this.composer.fail(error.message);
      this.composer.give_back(text, said.files ?? []);
      return;
    }
    said.lost = true;
    said.element.classList.add("lost");
    // the same id again: if it did arrive the first time, nothing happens twice
    replace(said.foot, `Not sent. ${error.message} `, button({ class: "link", onclick: () => this.send(text, said) }, "Try again"));
  }

  async stop() {
    this.composer.stopping();
    try {
      await post("/stop", { room: this.chat.room, bot: this.chat.bot, person: this.chat.person });
    } catch (error) {
      this.composer.fail(`It could not be stopped. ${error.message}`);
      this.busy();
    }
  }

  // ── what happens ──

  live(event) {
    if (this.queue) {
      this.queue.push(event);
      return;
    }
    clearTimeout(this.quiet);
    const act = LIVE[event.kind];
    if (act) act(this, event, event.data ?? {});
    this.busy();
    if (this.follow) this.to_end(false);
    this.watch_silence();
  }

  // A run began, or went on. It stands below the message it answers.
  began(event, data) {
    const known = this.turns.get(event.run_id);
    if (known) {
      if (known.asks()) this.pending.shift(); // that message was the answer
      if (!known.final) known.begin(data.trace_id);
      return;
    }
    const turn = this.turn(event.run_id);
    turn.begin(data.trace_id);
    const at = data.message_id ? this.pending.findIndex((said) => said.id === data.message_id) : 0;
    const answered = this.pending.splice(0, Math.max(at, 0) + (this.pending.length && at >= 0 ? 1 : 0));
    if (answered.length) answered.at(-1).element.after(turn.element);
    this.trace(turn);
    this.shell.say(`${this.name_of(this.bot_name)} is working.`);
  }

  part(event, { part_id = "" }) {
    const turn = event.run_id && this.turns.get(event.run_id);
    if (!turn) {
      if (this.told.has(part_id.replace(/\.\d+$/, ""))) return;
      this.pending.shift(); // a command was answered
      this.aside(event.text);
      this.look_again();
      return;
    }
    const kind = part_kind(event.run_id, part_id);
    const decided = DECIDED.exec(part_id);
    if (decided) turn.cards.get(decided[1])?.settle(plain(event.text), decided[2] === "approved");
    else if (kind === "answer") this.answer_part(turn, event.text);
    else if (kind !== "question") turn.note(event.text); // the page asks by its own card
    this.panel.refresh(turn);
  }

  answer_part(turn, text) {
    if (!turn.final) this.settle(turn);
    else if (!turn.text.includes(text)) turn.set_text(turn.text ? `${turn.text}\n\n${text}` : text);
  }

  done(event, data) {
    const turn = this.turn(event.run_id);
    turn.done(data);
    this.panel.refresh(turn);
    if (turn.final) this.shell.say(turn.text ? `${this.name_of(this.bot_name)}: ${turn.text.slice(0, 600)}` : "Done.");
    const kept_chat = this.chats.find(this.chat.room);
    if (kept_chat) this.chats.remember({ ...kept_chat, state: data.state === "waiting" ? "waiting" : "", at: Date.now() * 1000 });
  }

  waits(event) {
    const view = wait_from_event(event);
    this.turn(event.run_id).wait(view);
    this.shell.say(view.kind === "approval" ? `A decision is needed: ${view.tool}.` : "The bot waits for you.");
  }

  is_me(author) {
    const me = this.overview.people.find((one) => one.name === this.person);
    return author === this.person || author === me?.title;
  }

  name_of(bot) {
    return this.bot_info(bot)?.title || bot;
  }

  decided(view, agreed, words) {
    const card = this.turns.get(view.run_id)?.cards.get(view.id);
    if (card?.open) card.settle(words, agreed);
    this.turns.get(view.run_id)?.show_state();
    this.watch_silence();
  }

  status(overview, waits) {
    this.overview = overview;
    if (!this.chat.bot && overview.bots.length) {
      this.open(this.from_address(), { replace: true });
      return;
    }
    this.fill_pickers();
    const open = new Set(waits.map((wait) => wait.id));
    for (const wait of waits) {
      const turn = this.turns.get(wait.run_id);
      if (turn && !turn.final) turn.wait(wait);
    }
    for (const turn of this.turns.values()) turn.settle_waits(open);
    this.busy();
    if (find(".hello", this.list)) this.show_hello();
  }

  // Live events are only a view. When one is missed (a run that failed, a server that restarted) the journal tells.
  watch_silence() {
    clearTimeout(this.quiet);
    if (this.working().length) this.quiet = setTimeout(() => this.look_again(), SILENCE_MS);
  }

  async look_again() {
    for (const turn of this.working()) await this.settle(turn);
    this.watch_silence();
  }

  async settle(turn) {
    let page;
    try {
      page = await get(`/runs/${encodeURIComponent(turn.run_id)}`);
    } catch {
      return;
    }
    if (this.turns.get(turn.run_id) !== turn || page.turn.state === "running") return;
    turn.apply(page.turn);
    this.busy();
    this.panel.refresh(turn);
  }

  working() {
    return [...this.turns.values()].filter((turn) => turn.state === "running");
  }

  busy() {
    const working = this.working().length > 0;
    this.composer.busy(working);
    this.list.setAttribute("aria-busy", String(working));
  }

  // ── scrolling ──

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    this.follow = scrollHeight - scrollTop - clientHeight < NEAR_END;
    find("#latest").hidden = this.follow;
  }

  to_end(anyway) {
    if (!anyway && !this.follow) return;
    this.follow = true;
    const first_view = find(".hello", this.list) !== null;
    requestAnimationFrame(() => { this.log.scrollTop = first_view ? 0 : this.log.scrollHeight; });
  }

  // ── beside the chat ──

  side(shown) {
    find("#side").classList.toggle("shown", shown);
    find("#open-side").setAttribute("aria-expanded", String(shown));
    this.veil();
    if (shown) find("#new-chat").focus();
  }

  toggle_panel(shown) {
    find("#open-trace").setAttribute("aria-expanded", String(shown));
    if (!narrow()) keep("botkit.trace", shown ? "open" : "closed");
    this.panel.show(shown);
    this.veil();
    if (shown && narrow()) this.panel.element.focus();
  }

  veil() {
    const side = find("#side").classList.contains("shown");
    find("#veil").hidden = !(side || (narrow() && !this.panel.hidden));
  }

  trace(turn, open = false) {
    this.panel.choose(turn);
    if (open && this.panel.hidden) this.toggle_panel(true);
  }
}

const LIVE = {
  status: (page, event, data) => page.began(event, data),
  delta: (page, event) => page.turn(event.run_id).delta(event.text ?? ""),
  reset: (page, event) => page.turn(event.run_id).reset(),
  model: (page, event, data) => {
    page.turn(event.run_id).model(data);
    page.panel.refresh();
  },
  tool_call: (page, event, data) => {
    page.turn(event.run_id).call(data.call_id, { tool: data.tool, arguments: data.arguments ?? {}, state: "running" });
    page.shell.say(`Calling ${data.tool}.`);
  },
  progress: (page, event, data) => page.turn(event.run_id).progress(data, event.text ?? ""),
  tool_result: (page, event, data) => {
    const state = data.ok ? "ok" : "failed";
    page.turn(event.run_id).call(data.call_id, { tool: data.tool, result: data.text ?? "", state, duration_ms: data.duration_ms ?? 0 });
    page.panel.refresh();
  },
  part: (page, event, data) => page.part(event, data),
  wait: (page, event) => page.waits(event),
  done: (page, event, data) => page.done(event, data),
};

function fill(select, options, chosen) {
  const same = select.options.length === options.length && options.every(([value, label], at) => select.options[at].value === value && select.options[at].text === label);
  if (!same) replace(select, options.map(([value, label]) => h("option", { value }, label)));
  if (chosen) select.value = chosen;
}

function title_of(text) {
  return text.replace(/\s+/g, " ").trim().slice(0, 80);
}

function plain(text) {
  return text.replaceAll("**", "").replaceAll("`", "");
}

function narrow() {
  return matchMedia("(max-width: 1180px)").matches;
}

function coarse() {
  return matchMedia("(pointer: coarse)").matches;
}

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

new ChatPage();
