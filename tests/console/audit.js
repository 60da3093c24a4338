// What a person with a screen reader, a keyboard or weak eyes would trip over, as a list of sentences.
// Evaluated inside the page by the browser tests: of the document, or of what is in the shadow of one element.
(host) => {
  const root = host ? document.querySelector(host).shadowRoot : document;
  const problems = [];
  const visible = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const where = (element) => `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}.${element.className?.baseVal ?? element.className} "${(element.textContent ?? "").trim().slice(0, 40)}"`;

  // names
  const named = (element) => {
    const by = element.getAttribute("aria-labelledby");
    return element.getAttribute("aria-label")?.trim() || (by && root.getElementById(by)?.textContent.trim())
      || [...(element.labels ?? [])].some((label) => label.textContent.trim()) || element.textContent.trim();
  };
  for (const element of root.querySelectorAll("button, a[href], input, select, textarea, [role=region], dialog, summary, nav, aside")) {
    if (visible(element) && !named(element)) problems.push(`no name: ${where(element)}`);
    if (element.matches("input, textarea, select") && visible(element) && !element.labels.length && !element.getAttribute("aria-label")) problems.push(`no label: ${where(element)}`);
  }
  // one of each
  const ids = [...root.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push(`id twice: ${id}`);
  for (const element of root.querySelectorAll("[aria-controls], [aria-labelledby], [aria-describedby]")) {
    for (const attribute of ["aria-controls", "aria-labelledby", "aria-describedby"]) {
      const id = element.getAttribute(attribute);
      if (id && !root.getElementById(id)) problems.push(`${attribute} leads nowhere: ${where(element)}`);
    }
  }
  if (!host && document.querySelectorAll("main").length !== 1) problems.push("not exactly one main");
  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title.trim()) problems.push("no title");
  for (const image of root.querySelectorAll("img:not([alt]), svg:not([aria-hidden]):not([aria-label])")) problems.push(`picture without words: ${where(image)}`);
  // no control inside another
  for (const inner of root.querySelectorAll("button button, button a, a button, a a, summary button, summary a")) problems.push(`control in a control: ${where(inner)}`);

  // contrast
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, under) => {
    const alpha = top[3] / 255;
    return [0, 1, 2].map((at) => top[at] * alpha + under[at] * (1 - alpha)).concat(255);
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((under, layer) => over(layer, under), rgba(getComputedStyle(document.body).backgroundColor));
  };
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const walker = document.createTreeWalker(host ? root : document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !visible(element) || element.closest("script, noscript, .off, .off-screen, .skip, option, :disabled")) continue;
    const under = ground(element);
    const ink = over(rgba(getComputedStyle(element).color), under);
    const [bright, dark] = [light(ink), light(under)].sort((a, b) => b - a);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < 4.5) problems.push(`contrast ${contrast.toFixed(2)}: ${where(element)}`);
  }
  // nothing sticks out to the side
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) problems.push(`wider than the window: ${document.documentElement.scrollWidth} > ${width}`);
  return [...new Set(problems)];
}
