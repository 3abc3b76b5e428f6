// The message box. Enter sends, Shift+Enter starts a new line, the up arrow recalls earlier messages.

import { h, icon } from "./dom.js";

export class Composer {
  constructor({ placeholder, send, testid, history = [] }) {
    this.history = history;
    this.recalled = null;
    this.send = send;
    this.input = h("textarea", { rows: 1, "data-testid": testid, "aria-label": placeholder, placeholder, autocomplete: "off", spellcheck: "false" });
    this.button = h("button", { type: "submit", class: "send", "data-testid": testid === "composer" ? "send" : `${testid}-send`, "aria-label": "Send", disabled: true }, icon("send"));
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.hint = h("p", { class: "composer-hint" }, h("b", {}, "Enter"), " to send · ", h("b", {}, "↑"), " for what you sent before");
    this.element = h("form", { class: "composer" }, this.problem, h("div", { class: "composer-box" }, this.input, this.button), this.hint);
    this.element.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.input.addEventListener("input", () => { this.recalled = null; this.fit(); });
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  describe(placeholder) {
    this.input.placeholder = placeholder;
    this.input.setAttribute("aria-label", placeholder);
  }

  fill(text) {
    this.input.value = text;
    this.fit();
    this.input.focus();
  }

  fit() {
    this.button.disabled = !this.input.value.trim();
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 160)}px`;
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && (this.input.value === "" || this.recalled !== null)) {
      this.recall(event, -1);
    } else if (event.key === "ArrowDown" && this.recalled !== null) {
      this.recall(event, 1);
    }
  }

  recall(event, step) {
    if (!this.history.length) return;
    event.preventDefault();
    const place = Math.max(0, (this.recalled ?? this.history.length) + step);
    this.input.value = this.history[place] ?? "";
    this.recalled = place < this.history.length ? place : null;
    this.fit();
  }

  async submit() {
    const text = this.input.value.trim();
    if (!text) return;
    this.remember(text);
    this.input.value = "";
    this.fit();
    this.complain(null);
    const { error } = await this.send(text);
    this.complain(error);
    if (error && !this.input.value) this.fill(text);
  }

  remember(text) {
    if (this.history.at(-1) !== text) this.history.push(text);
    this.recalled = null;
  }

  complain(problem) {
    this.problem.textContent = problem ?? "";
    this.problem.hidden = !problem;
  }
}
