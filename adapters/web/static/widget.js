// What sites embed: <script src="…/widget.js" data-channel="site" async></script>
// It only finds out where it came from and loads the rest, so it never has to change.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.botkitLoaded) return; // one chat on a page
  window.botkitLoaded = true;
  const home = new URL("./", script.src);
  const channel = script.dataset.channel;
  const base = channel ? new URL(`../${encodeURIComponent(channel)}/`, home) : home;
  const options = { base: base.href, identity: script.dataset.identity, identityUrl: script.dataset.identityUrl };
  import(new URL("assets/@version@/main.js", home).href).then(
    ({ start }) => start(options),
    (error) => console.warn("botkit: the chat could not be loaded", error),
  );
})();
