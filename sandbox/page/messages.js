// Messages, in a channel and in a thread.

import { drawAttachments, drawBlocks } from "./blocks.js";
import { ago, clock, dayName, formatDate, parseTs, spelled } from "./dates.js";
import { drawKeyed, fill, h, icon } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const GROUPED_SECONDS = 300;
const SNIPPET = 60;
const COLOURS = ["#2f6f4f", "#8a4b1f", "#5b3a8e", "#1f5d8a", "#8e2f52"];

// Draws a list of messages, with a heading per day. `context` has the handlers of the person's actions.
export function drawMessages(parent, messages, context) {
  const items = [];
  let previous = null;
  for (const message of messages) {
    const day = parseTs(message.ts).toDateString();
    if (context.days && (!previous || parseTs(previous.ts).toDateString() !== day)) items.push({ day, name: dayName(parseTs(message.ts)) });
    items.push({ message, compact: follows(previous, message) });
    previous = message;
  }
  drawKeyed(parent, items, {
    key: (item) => item.day ?? `${item.message.ts}${item.message.ephemeral ? "e" : ""}`,
    drawn: (item) => JSON.stringify(item) + context.viewer,
    draw: (item) => (item.day ? h("div", { class: "day", role: "separator" }, h("span", {}, item.name)) : drawMessage(item, context)),
  });
}

// Slack omits the name if the same author continues within a few minutes.
function follows(previous, message) {
  if (!previous || previous.user !== message.user || previous.ephemeral || message.ephemeral) return false;
  if (previous.broadcast || message.broadcast || previous.deleted || previous.replies.length) return false;
  return Number(message.ts) - Number(previous.ts) < GROUPED_SECONDS;
}

function drawMessage({ message, compact }, context) {
  const date = parseTs(message.ts);
  const style = ["message", compact && "compact", message.ephemeral && "ephemeral"].filter(Boolean).join(" ");
  const article = h("article", { class: style, "data-testid": "message", dataset: { ts: message.ts, user: message.user }, "aria-label": `Message from ${message.name}` });
  if (message.deleted) {
    fill(article, h("div", { class: "gutter" }), h("div", { class: "body" }, h("p", { class: "tombstone" }, "This message was deleted."), opener(message, context)));
    return article;
  }
  const time = h("time", { class: "time", datetime: date.toISOString(), title: spelled(date) }, clock(date));
  fill(article,
    h("div", { class: "gutter" }, compact ? time : avatar(message)),
    h("div", { class: "body" },
      message.ephemeral ? h("div", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
      compact ? null : h("div", { class: "byline" }, h("span", { class: "author" }, message.name), message.is_bot ? h("span", { class: "badge" }, "APP") : null, time),
      broadcastNote(message, context),
      content(message, context),
      message.ephemeral ? h("button", { type: "button", class: "link dismiss", "data-testid": "dismiss", onclick: () => context.dismiss(message) }, "Dismiss message") : null,
      opener(message, context)),
    toolbar(message, context));
  return article;
}

function content(message, context) {
  const edited = message.edited ? h("span", { class: "edited" }, " (edited)") : null;
  const acting = { ...context, act: (action) => context.act(message, action) };
  if (!message.blocks?.length && !message.attachments?.length) return h("div", { class: "text" }, mrkdwn(message.text), edited);
  const drawn = [...drawBlocks(message.blocks ?? [], acting), ...drawAttachments(message.attachments ?? [], acting)];
  return h("div", { class: "blocks" }, message.blocks?.length ? null : mrkdwn(message.text), drawn, edited);
}

function broadcastNote(message, context) {
  if (!message.broadcast) return null;
  if (!message.root) return h("div", { class: "broadcast" }, "Also sent to the channel");
  return h("div", { class: "broadcast" }, "replied to a thread: ",
    h("button", { type: "button", class: "link", onclick: () => context.openThread(message.root.ts) }, mrkdwn(snippetOf(message.root) || "a message")));
}

const DATE = /<!date\^(\d+)\^([^|>^]*)[^|>]*\|([^>]*)>/g;

// The first line. Dates and links become their texts, so that the cut splits none.
export function snippetOf({ text }) {
  const line = text.split("\n")[0].replace(DATE, (_, seconds, pattern, fallback) => formatDate(seconds, pattern, fallback)).replace(/<[^>|]*\|([^>]*)>|<([^>]*)>/g, "$1$2");
  return line.length > SNIPPET ? `${line.slice(0, SNIPPET)}…` : line;
}

function opener(message, context) {
  const replies = message.replies.filter((reply) => !reply.ephemeral);
  if (!replies.length || !context.openThread || message.broadcast) return null;
  const authors = [...new Map(replies.map((reply) => [reply.user, reply])).values()].slice(0, 4);
  const last = parseTs(replies.at(-1).ts);
  return h("button", { type: "button", class: "thread-open", "data-testid": "thread-open", onclick: () => context.openThread(message.ts) },
    authors.map((reply) => avatar(reply, "small")),
    h("span", { class: "link" }, `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`),
    h("span", { class: "quiet" }, "Last reply ", ticking(() => ago(last))));
}

function toolbar(message, context) {
  if (message.ephemeral || message.broadcast) return null;
  const tool = (name, label, testid, click) => h("button", { type: "button", "aria-label": label, title: label, "data-testid": testid, onclick: click }, icon(name));
  return h("div", { class: "toolbar" },
    context.openThread ? tool("reply", "Reply in thread", "reply-in-thread", () => context.openThread(message.ts)) : null,
    tool("bin", "Delete the message, as an admin may", "delete-message", () => context.erase(message)));
}

export function ticking(wording) {
  const element = h("span", { class: "ticking" }, wording());
  element.refresh = () => { element.textContent = wording(); };
  return element;
}

export function avatar({ user, name, is_bot: isBot }, size = "") {
  if (isBot) return h("span", { class: `avatar avatar-bot ${size}`, "aria-hidden": "true" });
  const element = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, (name || "?").charAt(0));
  element.style.background = COLOURS[[...user].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS.length];
  return element;
}
