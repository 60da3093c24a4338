// Reads a JSON list of texts from standard input; writes [{tree, ms}] for the parser in the package.

import { readFileSync } from "node:fs";

const { parseMarkdown } = await import(process.argv[2]);
const texts = JSON.parse(readFileSync(0, "utf8"));
const results = texts.map((text) => {
  const begun = performance.now();
  const tree = parseMarkdown(text);
  return { ms: performance.now() - begun, tree };
});
process.stdout.write(JSON.stringify(results));
