// Modals and the Home tab: https://docs.slack.dev/surfaces/modals

import { drawBlocks } from "./blocks.js";
import { h, icon } from "./dom.js";
import { plainText } from "./mrkdwn.js";

export class Modal {
  constructor(dialog, { submit, close, context }) {
    Object.assign(this, { dialog, submit, close, context, drawn: null });
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  }

  draw(view) {
    if (!view) {
      this.drawn = null;
      this.dialog.replaceChildren(); // the next modal takes no values from this one
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const { state: _, errors, hash: __, ...visible } = view;
    const fingerprint = JSON.stringify(visible);
    if (fingerprint !== this.drawn) this.redraw(view);
    this.drawn = fingerprint;
    this.showErrors(errors ?? {});
    if (!this.dialog.open) this.dialog.showModal();
  }

  // Typed text survives an update of the view if its input still exists.
  redraw(view) {
    const typed = this.values();
    const blocks = drawBlocks(view.blocks, this.context);
    this.dialog.setAttribute("aria-label", view.title.text);
    this.dialog.replaceChildren(h("form", { class: "modal", novalidate: true, onsubmit: (event) => this.submitted(event) },
      h("header", {}, h("h2", {}, plainText(view.title)), h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => this.close() }, icon("close"))),
      h("div", { class: "modal-body" }, blocks),
      h("footer", {}, h("p", { class: "problem", role: "alert", hidden: true }),
        h("button", { type: "button", class: "button", "data-testid": "view-close", onclick: () => this.close() }, plainText(view.close ?? { text: "Cancel" })),
        view.submit ? h("button", { type: "submit", class: "button button-primary", "data-testid": "view-submit" }, plainText(view.submit)) : null)));
    for (const element of this.inputs()) {
      const before = typed[element.dataset.blockId]?.[element.dataset.actionId];
      if (typeof before === "string" && "value" in element) element.value = before;
    }
  }

  inputs() {
    return [...this.dialog.querySelectorAll("[data-action-id]")].filter((element) => element.read);
  }

  values() {
    const values = {};
    for (const element of this.inputs()) {
      const { blockId, actionId } = element.dataset;
      values[blockId] = { ...values[blockId], [actionId]: element.read() };
    }
    return values;
  }

  async submitted(event) {
    event.preventDefault();
    const { error } = await this.submit(this.values());
    const problem = this.dialog.querySelector("footer .problem");
    if (!problem) return;
    problem.textContent = error ?? "";
    problem.hidden = !error;
  }

  showErrors(errors) {
    for (const block of this.dialog.querySelectorAll("[data-input]")) {
      const problem = errors[block.dataset.input] ?? "";
      const place = block.querySelector(".input-error");
      if (place.textContent !== problem) place.textContent = problem;
      block.classList.toggle("invalid", Boolean(problem));
    }
  }
}
