// The sidebar: workspace, channels, the app, and the person to act as.

import { h, icon } from "./dom.js";
import { avatar } from "./messages.js";
import { directMessage, seat } from "./model.js";

export function drawSidebar(parent, state, { goTo, openMessages, become }) {
  const channels = state.channels.filter((channel) => channel.kind !== "im");
  const bot = state.users.find((user) => user.is_bot);
  parent.replaceChildren(
    h("header", { class: "workspace" }, h("h1", {}, state.team.name), h("span", { class: "workspace-note" }, "sandbox")),
    h("div", { class: "sidebar-scroll" },
      h("h2", {}, "Channels"),
      h("ul", {}, channels.map((channel) => h("li", {}, channelLink(channel, goTo)))),
      h("h2", {}, "Apps"),
      h("ul", {}, h("li", {}, appLink(bot, directMessage(state), { goTo, openMessages })))),
    picker(state, become));
}

function channelLink(channel, goTo) {
  const unread = channel.unread > 0 && !here(channel.id);
  const kind = channel.kind === "private_channel" ? "private channel" : "channel";
  return h("button", {
    type: "button", class: unread ? "place unread" : "place", "aria-current": here(channel.id) ? "page" : null,
    "aria-label": `${channel.name}, ${kind}${unread ? `, ${channel.unread} unread` : ""}${channel.archived ? ", archived" : ""}`,
    "data-testid": `channel-${channel.id}`, onclick: () => goTo(channel.id),
  }, h("span", { class: "mark" }, channel.kind === "private_channel" ? icon("lock") : "#"), h("span", { class: "place-name" }, channel.name),
  unread ? h("span", { class: "count" }, String(channel.unread)) : null);
}

function appLink(bot, dm, { goTo, openMessages }) {
  const unread = dm?.unread > 0 && !here(dm.id);
  return h("button", {
    type: "button", class: unread ? "place unread" : "place", "aria-current": (dm && here(dm.id)) || seat.home ? "page" : null,
    "aria-label": `${bot.real_name}, app${unread ? `, ${dm.unread} unread` : ""}`,
    "data-testid": dm ? `channel-${dm.id}` : "app-home", onclick: () => (dm ? goTo(dm.id) : openMessages()),
  }, avatar({ user: bot.id, name: bot.real_name, is_bot: true }, "tiny"), h("span", { class: "place-name" }, bot.real_name),
  unread ? h("span", { class: "count" }, String(dm.unread)) : null);
}

const here = (channel) => !seat.home && seat.channel === channel;

function picker(state, become) {
  const people = state.users.filter((user) => !user.is_bot);
  return h("div", { class: "picker", role: "group", "aria-label": "You are" },
    h("h2", {}, "You are"),
    h("div", { class: "people" }, people.map((user) => h("button", {
      type: "button", class: "person", "aria-pressed": String(user.id === seat.user), "data-testid": `user-${user.id}`,
      title: user.real_name, onclick: () => become(user.id),
    }, avatar({ user: user.id, name: user.real_name }, "tiny"), user.real_name.split(" ")[0]))));
}
