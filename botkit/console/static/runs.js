// The list of runs: times as the reader's clock shows them, filters that apply at once.

import { find } from "./dom.js";
import { local_times } from "./times.js";
import { Shell } from "./shell.js";
import { Stream } from "./stream.js";

const shell = new Shell();
new Stream("", shell.handlers);
local_times();
find("#filters button")?.remove();
find("#filters")?.addEventListener("change", () => find("#filters").requestSubmit());
