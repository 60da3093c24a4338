// The element on the page, and what the page itself may do with it:
//
//   window.botkit.open(), .close(), .identify(token), .logout()      after the event `botkit:ready` on window

import { Chat } from "./chat.js";
import { View } from "./view.js";
import { wordsFor } from "./words.js";

class ChatElement extends HTMLElement {}

export async function start(options) {
  if (!customElements.get("botkit-chat")) customElements.define("botkit-chat", ChatElement);
  if (document.readyState === "loading") {
    await new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }));
  }
  const element = document.createElement("botkit-chat");
  const root = element.attachShadow({ mode: "open" });
  const [sheet] = await Promise.all([style(new URL("widget.css", import.meta.url))]);
  root.adoptedStyleSheets = [sheet];
  document.body.append(element);

  const chat = new Chat(options);
  const config = await chat.hello();
  if (config === null) {
    element.remove();
    return;
  }
  const language = config.language === "auto" ? document.documentElement.lang || navigator.language : config.language;
  chat.locale = language.slice(0, 35);
  const view = new View(root, config, wordsFor(language), chat);
  chat.show(view);
  window.botkit = Object.freeze({
    open: () => view.open(),
    close: () => view.close(),
    identify: (token) => chat.identify(token),
    logout: () => chat.logout(),
  });
  window.dispatchEvent(new Event("botkit:ready"));
}

// A constructed sheet needs no permission of the site's content security policy.
async function style(url) {
  const sheet = new CSSStyleSheet();
  const answer = await fetch(url);
  sheet.replaceSync(await answer.text());
  return sheet;
}
