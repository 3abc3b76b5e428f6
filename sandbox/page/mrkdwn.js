// Slack's own markup, as its client reads it: https://docs.slack.dev/messaging/formatting-message-text

import { formatDate } from "./dates.js";
import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";

// The viewer, and the names of all ids. app.js sets them with every state.
const directory = { me: null, users: new Map(), groups: new Map(), channels: new Map(), goTo: () => {} };

export function setDirectory(facts) {
  Object.assign(directory, facts);
}

const PAIRS = [
  [/(?<![\p{L}\p{N}*])\*(?=\S)([^*\n]*?\S)\*(?![\p{L}\p{N}*])/u, "b"],
  [/(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*?\S)_(?![\p{L}\p{N}_])/u, "i"],
  [/(?<![\p{L}\p{N}~])~(?=\S)([^~\n]*?\S)~(?![\p{L}\p{N}~])/u, "s"],
];

// Text in angle brackets has no bold or emoji. So each bracket first becomes one private-use character, and returns
// after the text around it is done.
const SLOT = /[\uE000-\uF8FF]/;
const FIRST_SLOT = 0xe000;
const LAST_SLOT = 0xf8ff;

export function mrkdwn(text) {
  const cleaned = text.replace(/[\uE000-\uF8FF]/g, "\uFFFD");
  return cleaned.split(/```\n?([\s\S]+?)\n?```/).map((part, place) =>
    place % 2 ? h("pre", { class: "c-pre" }, verbatim(part)) : lines(part));
}

export function plainText(object) {
  return object.emoji === false ? [document.createTextNode(object.text)] : withEmoji(object.text);
}

export function text(object) {
  return object.type === "mrkdwn" ? mrkdwn(object.text) : plainText(object);
}

function lines(part) {
  if (!/^(&gt;|>)/m.test(part)) return inline(part);
  const out = [];
  for (const block of part.match(/(?:^(?:&gt;|>).*(?:\n|$))+|(?:^(?!&gt;|>).*(?:\n|$))+/gm) ?? []) {
    out.push(/^(&gt;|>)/.test(block)
      ? h("blockquote", { class: "c-quote" }, inline(block.replace(/^(?:&gt;|>) ?/gm, "").replace(/\n$/, "")))
      : inline(block));
  }
  return out;
}

function inline(source) {
  const slots = [];
  const set = (node) => (FIRST_SLOT + slots.length > LAST_SLOT ? "" : String.fromCharCode(FIRST_SLOT + slots.push(node) - 1));
  const bare = source
    .replace(/`([^`\n]+)`/g, (_, code) => set(h("code", { class: "c-code" }, verbatim(code))))
    .replace(/<([^<>\n]+)>/g, (_, inside) => set(angle(inside)));
  return styled(bare, slots);
}

function styled(source, slots) {
  const out = [];
  let rest = source;
  for (let next = firstPair(rest); next; next = firstPair(rest)) {
    out.push(...filled(rest.slice(0, next.match.index), slots), h(next.tag, {}, styled(next.match[1], slots)));
    rest = rest.slice(next.match.index + next.match[0].length);
  }
  return [...out, ...filled(rest, slots)];
}

function firstPair(source) {
  return PAIRS.map(([pattern, tag]) => ({ match: pattern.exec(source), tag }))
    .filter(({ match }) => match)
    .sort((a, b) => a.match.index - b.match.index)[0];
}

function filled(source, slots) {
  return source.split(new RegExp(`(${SLOT.source})`)).flatMap((part) =>
    SLOT.test(part) ? [slots[part.charCodeAt(0) - FIRST_SLOT]] : withEmoji(decoded(part)));
}

function decoded(source) {
  return source.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

// Code has no markup, except Slack's brackets, which show their label.
function verbatim(source) {
  return decoded(source.replace(/<([^<>\n]+)>/g, (_, inside) => angle(inside).textContent));
}

function angle(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? "" : decoded(inside.slice(bar + 1));
  if (target.startsWith("@")) return userMention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!")) return special(target.slice(1), label);
  return link(decoded(target), label || decoded(target));
}

export function userMention(id, label = "") {
  const user = directory.users.get(id);
  return mention(`@${user?.real_name ?? (label || "unknown user")}`, id === directory.me);
}

export function groupMention(id, label = "") {
  const group = directory.groups.get(id);
  return mention(`@${group?.handle ?? (label.replace(/^@/, "") || "unknown group")}`, group?.users?.includes(directory.me));
}

export function channelMention(id, label = "") {
  const name = directory.channels.get(id)?.name ?? (label || "unknown-channel");
  return h("button", { type: "button", class: "mention", onclick: () => directory.goTo(id) }, `#${name}`);
}

export function broadcast(range) {
  return mention(`@${range}`, true);
}

function mention(label, aboutMe) {
  return h("span", { class: aboutMe ? "mention mention-me" : "mention" }, label);
}

function special(command, label) {
  const [name, ...rest] = command.split("^");
  if (name === "date") return date(rest[0], rest[1] ?? "", rest[2], label);
  if (name === "subteam") return groupMention(rest[0], label);
  if (["here", "channel", "everyone"].includes(name)) return broadcast(name);
  return document.createTextNode(label || `<!${command}>`);
}

export function date(seconds, pattern, url, fallback) {
  const element = h("time", { class: "c-date", title: fallback }, formatDate(seconds, pattern, fallback));
  if (pattern.includes("{ago}")) element.refresh = () => { element.textContent = formatDate(seconds, pattern, fallback); };
  element.classList.toggle("ticking", Boolean(element.refresh));
  return url ? link(decoded(url), element) : element;
}

// Links only http and mailto addresses: `javascript:` stays text.
export function link(url, content) {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return document.createTextNode(typeof content === "string" ? content : content.textContent);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, content);
}
