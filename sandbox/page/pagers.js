// The part of the drawer for outside pagers: PagerDuty's incidents, with what its people can do, and what other services got.

import { drawKeyed, h } from "./dom.js";

const MOST_SHOWN = 20;

export class PagerList {
  // `act(key, status)`: the person on the page acknowledges or resolves an incident in PagerDuty.
  constructor(act) {
    this.act = act;
    this.incidents = h("ul", { class: "pager-list", "aria-label": "Incidents in PagerDuty" });
    this.messages = h("ul", { class: "pager-list", "aria-label": "Messages to other pagers" });
    this.element = h("section", { class: "pagers", "data-testid": "pagers", hidden: true },
      h("h3", {}, "PagerDuty"), this.incidents, h("h3", {}, "Other pagers"), this.messages);
  }

  draw({ incidents, messages }) {
    this.element.hidden = !incidents.length && !messages.length;
    for (const list of [this.incidents, this.messages]) list.hidden = list.previousSibling.hidden = !(list === this.incidents ? incidents : messages).length;
    drawKeyed(this.incidents, incidents.slice(0, MOST_SHOWN), { key: (row) => row.id, drawn: JSON.stringify, draw: (row) => this.incident(row) });
    drawKeyed(this.messages, messages.slice(0, MOST_SHOWN), { key: (row) => String(row.number), drawn: JSON.stringify, draw: message });
  }

  incident(row) {
    const button = (label, status) => h("button", { type: "button", class: "chip-button", "data-testid": `pager-${status}`, onclick: () => this.act(row.key, status) }, label);
    const over = row.status === "resolved";
    const by = row.acknowledged_by && !over ? ` by ${row.acknowledged_by}` : "";
    return h("li", { "data-testid": "incident" },
      h("div", { class: "pager-title" }, row.title),
      h("div", { class: "tool-row" },
        h("span", { class: `phase pager-${row.status}` }, `${row.status}${by}`),
        over || row.status === "acknowledged" ? null : button("Acknowledge", "acknowledged"),
        over ? null : button("Resolve", "resolved")));
  }
}

function message(row) {
  return h("li", { "data-testid": "pager-message" }, h("div", { class: "pager-title" }, row.title), h("span", { class: "quiet" }, row.path));
}
