// The chats this browser knows, joined with those the server remembers.

import { find, h, replace } from "./dom.js";
import { is_today, iso, moment } from "./format.js";
import { get, new_id } from "./net.js";
import { keep, kept } from "./shell.js";

const KEY = "botkit.chats";
const MOST = 80;

export class Chats {
  constructor() {
    this.list = read();
    this.element = find("#chats");
    this.current = "";
  }

  // {room, bot, person, title, at} of a chat, or undefined.
  find(room) {
    return this.list.find((chat) => chat.room === room);
  }

  fresh(bot, person) {
    return { room: `page-${new_id()}`, bot, person, title: "", at: 0 };
  }

  remember(chat) {
    this.list = [chat, ...this.list.filter((other) => other.room !== chat.room)].slice(0, MOST);
    keep(KEY, JSON.stringify(this.list));
    this.show();
  }

  async load() {
    let found;
    try {
      found = (await get("/chats")).chats;
    } catch {
      return; // what this browser remembers must do
    }
    const known = new Map(this.list.map((chat) => [chat.room, chat]));
    for (const chat of found) {
      const mine = known.get(chat.room);
      // the server knows people by their id; the name this browser spoke as is the one to go on with
      known.set(chat.room, mine ? { ...mine, at: Math.max(mine.at, chat.at), state: chat.state, title: mine.title || chat.title } : chat);
    }
    this.list = [...known.values()].sort((a, b) => b.at - a.at).slice(0, MOST);
    this.show();
  }

  show(current = this.current) {
    this.current = current;
    const groups = [["Today", this.list.filter((chat) => is_today(chat.at))], ["Earlier", this.list.filter((chat) => !is_today(chat.at))]];
    replace(this.element,
      this.list.length === 0 && h("p", { class: "empty" }, "Your chats will be listed here."),
      groups.filter(([, chats]) => chats.length).map(([name, chats]) => [h("h2", {}, name), h("ul", {}, chats.map((chat) => this.row(chat)))]));
  }

  row(chat) {
    const note = chat.state === "waiting" ? h("span", { class: "open" }, "waiting for a decision") : h("span", {}, chat.person ? `${chat.bot} as ${chat.person}` : chat.bot);
    return h("li", {},
      h("a", { href: `/?chat=${encodeURIComponent(chat.room)}`, "data-room": chat.room, "aria-current": chat.room === this.current ? "page" : null },
        h("b", {}, chat.title || "New chat"),
        h("small", {}, note, chat.at ? h("time", { datetime: iso(chat.at) }, moment(chat.at)) : null)));
  }
}

function read() {
  try {
    const list = JSON.parse(kept(KEY) || "[]");
    return Array.isArray(list) ? list.filter((chat) => typeof chat?.room === "string") : [];
  } catch {
    return [];
  }
}
