// The start of a channel: its name, and commands to try.

import { h, icon } from "./dom.js";

const IN_CHANNELS = [
  ["/pipeline list", "what the key can see"],
  ["/pipeline status orders-eu", "one pipeline, now"],
  ["@Pipeline Bot status orders-eu", "the same as a mention, which works in threads too"],
  ["/pipeline watch orders-eu page @ann", "post its changes here, and page Ann when it fails"],
];

const IN_MESSAGES = [
  ["list", "what the key can see"],
  ["status orders-eu", "one pipeline, now"],
];

export function drawWelcome(parent, channel, title, fill) {
  if (parent.dataset.channel === channel.id + title) return;
  parent.dataset.channel = channel.id + title;
  const direct = channel.kind === "im";
  const mark = channel.kind === "private_channel" ? icon("lock") : "#";
  parent.replaceChildren(
    h("h3", {}, direct ? null : h("span", { class: "mark" }, mark), title),
    h("p", {}, direct ? "Messages between you and the app." : `This is the very beginning of the ${channel.kind === "private_channel" ? "private " : ""}channel.`),
    h("div", { class: "try", "data-testid": "welcome" },
      h("h4", {}, "Try it"),
      h("ol", {}, (direct ? IN_MESSAGES : IN_CHANNELS).map(([command, meaning]) => h("li", {},
        h("button", { type: "button", class: "command", title: "Put this into the composer", onclick: () => fill(command) }, command), h("span", {}, meaning))),
        direct ? null : h("li", {}, h("span", {}, "then press "), h("b", { class: "word-fail" }, "Fail"), h("span", {}, " beside orders-eu in the GoldRush drawer, and watch this channel."))),
      h("p", { class: "meanwhile" }, "While ", h("b", {}, "Scenario"), " at the top of the drawer is on, the demo moves pipelines by itself, in rounds of four minutes. Press it to stop that, and only you move them.")));
}
