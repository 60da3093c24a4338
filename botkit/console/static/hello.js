// What an empty chat shows: who one talks to, and what to try.

import { button, h } from "./dom.js";
import { hue, initial, plural } from "./format.js";
import { phrase } from "./render.js";

const EXAMPLES = ["What can you do?", "/help"];

export function hello(bot, overview, send) {
  const name = bot.title || bot.name;
  const tools = overview.servers.reduce((sum, server) => sum + server.tools.length, 0);
  const examples = bot.examples.length ? bot.examples : EXAMPLES;
  return h("section", { class: "hello", "aria-label": `About ${name}` },
    h("div", { class: `avatar ${hue(bot.name)}`, "aria-hidden": "true" }, initial(name)),
    h("h1", {}, name),
    (bot.description || bot.welcome) && h("p", { class: "about" }, bot.description || phrase(bot.welcome)),
    h("p", { class: "facts" },
      bot.model && h("span", {}, `Model ${bot.model}`),
      bot.workspace && h("span", {}, `Workspace ${bot.workspace}`),
      tools > 0 && h("span", {}, plural(tools, "tool"), " on this instance")),
    bot.offline && h("p", { class: "offline" }, "Answered by the built-in demo model, which needs no key and no network. It really calls the tools; for real conversation, name a model in bots.yaml."),
    h("h2", {}, "Try one of these"),
    h("ul", { class: "examples" }, examples.map((text) => h("li", {}, button({ onclick: () => send(text) }, text)))));
}

export function no_bots() {
  return h("section", { class: "hello" },
    h("h1", {}, "No bot yet"),
    h("p", { class: "about" }, "Add one under ", h("code", {}, "bots:"), " in bots.yaml. It appears here as soon as the file is saved; ", h("code", {}, "botkit check"), " tells what is wrong with it."));
}
