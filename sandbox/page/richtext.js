// Rich text blocks: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

import { h } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { broadcast, channelMention, date, groupMention, link, userMention } from "./mrkdwn.js";

export function richText(block) {
  return block.elements.map((element) => PARTS[element.type]?.(element) ?? h("span", { class: "unsupported" }, `(${element.type})`));
}

const spans = (element) => element.elements.map(span);

const PARTS = {
  rich_text_section: (element) => h("div", { class: "rich-section" }, spans(element)),
  rich_text_preformatted: (element) => h("pre", { class: "c-pre" }, element.elements.map((each) => each.text ?? each.url ?? "").join("")),
  rich_text_quote: (element) => h("blockquote", { class: "c-quote" }, spans(element)),
  rich_text_list: (element) => {
    const list = h(element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((item) => h("li", {}, spans(item))));
    list.style.marginLeft = `${(element.indent ?? 0) * 24}px`;
    return list;
  },
};

const SPANS = {
  text: (element) => withEmoji(element.text),
  link: (element) => link(element.url, element.text || element.url),
  user: (element) => userMention(element.user_id),
  usergroup: (element) => groupMention(element.usergroup_id),
  channel: (element) => channelMention(element.channel_id),
  broadcast: (element) => broadcast(element.range),
  emoji: (element) => emoji(element.name),
  date: (element) => date(element.timestamp, element.format, element.url, element.fallback ?? ""),
};

function span(element) {
  const drawn = SPANS[element.type]?.(element) ?? `(${element.type})`;
  const { bold, italic, strike, code } = element.style ?? {};
  return [[code, "code"], [strike, "s"], [italic, "i"], [bold, "b"]]
    .filter(([wanted]) => wanted)
    .reduce((inner, [, tag]) => h(tag, tag === "code" ? { class: "c-code" } : {}, inner), drawn);
}
