// The dialog of an element's `confirm`.

import { h } from "./dom.js";
import { plainText, text } from "./mrkdwn.js";

export function confirmed(confirm) {
  const dialog = document.getElementById("confirm");
  const style = confirm.style === "danger" ? "button button-danger-filled" : "button button-primary";
  dialog.replaceChildren(h("form", { method: "dialog", class: "dialog" },
    h("h2", {}, plainText(confirm.title)),
    h("div", { class: "dialog-body" }, text(confirm.text)),
    h("div", { class: "dialog-buttons" },
      h("button", { class: "button", value: "deny", "data-testid": "confirm-deny" }, plainText(confirm.deny ?? { text: "Cancel" })),
      h("button", { class: style, value: "confirm", "data-testid": "confirm-ok", autofocus: true }, plainText(confirm.confirm ?? { text: "Yes" })))));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "confirm"), { once: true });
  });
}
