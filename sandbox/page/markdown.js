// The basics of standard Markdown, for the `markdown` block: https://docs.slack.dev/reference/block-kit/blocks/markdown-block

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { link } from "./mrkdwn.js";

const INLINE = [
  [/`([^`]+)`/, (match) => h("code", { class: "c-code" }, match[1])],
  [/\[([^\]]+)\]\(([^)\s]+)\)/, (match) => link(match[2], match[1])],
  [/\*\*(\S(?:.*?\S)?)\*\*/, (match) => h("b", {}, inline(match[1]))],
  [/~~(\S(?:.*?\S)?)~~/, (match) => h("s", {}, inline(match[1]))],
  [/(?<![\p{L}\p{N}*])\*(\S(?:.*?\S)?)\*(?!\*)/u, (match) => h("i", {}, inline(match[1]))],
  [/(?<![\p{L}\p{N}_])_(\S(?:.*?\S)?)_(?![\p{L}\p{N}_])/u, (match) => h("i", {}, inline(match[1]))],
];

function inline(source) {
  const out = [];
  let rest = source;
  for (let next = first(rest); next; next = first(rest)) {
    out.push(...withEmoji(rest.slice(0, next.match.index)), next.draw(next.match));
    rest = rest.slice(next.match.index + next.match[0].length);
  }
  return [...out, ...withEmoji(rest)];
}

function first(source) {
  return INLINE.map(([pattern, draw]) => ({ match: pattern.exec(source), draw }))
    .filter(({ match }) => match)
    .sort((a, b) => a.match.index - b.match.index)[0];
}

// Consecutive lines of one kind form one element.
const KINDS = [
  { line: /^ {0,3}[-*+] +(.*)$/, draw: (items) => h("ul", {}, items.map((match) => h("li", {}, inline(match[1])))) },
  { line: /^ {0,3}\d+[.)] +(.*)$/, draw: (items) => h("ol", {}, items.map((match) => h("li", {}, inline(match[1])))) },
  { line: /^> ?(.*)$/, draw: (items) => h("blockquote", { class: "c-quote" }, inline(items.map((match) => match[1]).join("\n"))) },
  { line: /^\|(.*)\|\s*$/, draw: pipes },
  { line: /^(?:---+|\*\*\*+)\s*$/, draw: () => h("hr") },
  { line: /^(#{1,6}) +(.*)$/, single: true, draw: ([match]) => h("h4", { class: "md-heading" }, inline(match[2])) },
];

export function markdown(source) {
  return source.split(/^```\w*\n([\s\S]*?)\n?```$/m).map((part, place) => (place % 2 ? h("pre", { class: "c-pre" }, part) : blocks(part)));
}

function blocks(part) {
  const lines = part.split("\n");
  const out = [];
  while (lines.length) {
    const kind = KINDS.find(({ line }) => line.test(lines[0]));
    const gathered = [];
    do gathered.push(lines.shift());
    while (lines.length && !kind?.single && KINDS.find(({ line }) => line.test(lines[0])) === kind && (kind || lines[0].trim()));
    if (kind) out.push(kind.draw(gathered.map((line) => kind.line.exec(line))));
    else if (gathered.join("").trim()) out.push(h("p", {}, inline(gathered.join("\n").trim())));
  }
  return out;
}

function pipes(rows) {
  const cells = rows.map((match) => match[1].split("|").map((cell) => cell.trim()));
  const ruled = cells[1]?.every((cell) => /^:?-+:?$/.test(cell));
  const [head, body] = ruled ? [cells[0], cells.slice(2)] : [null, cells];
  const row = (list, tag) => h("tr", {}, list.map((cell) => h(tag, {}, inline(cell))));
  return h("div", { class: "table-scroll" }, h("table", {}, head ? h("thead", {}, row(head, "th")) : null, h("tbody", {}, body.map((list) => row(list, "td")))));
}
