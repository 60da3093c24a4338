// Server-written times, in UTC, become local ones.

import { exact, moment } from "./format.js";

export function local_times(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const micros = Date.parse(element.dateTime) * 1000;
    if (Number.isNaN(micros)) continue;
    element.title = exact(micros);
    element.textContent = moment(micros);
  }
}
