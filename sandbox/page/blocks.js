// Blocks as Slack draws them: https://docs.slack.dev/reference/block-kit/blocks

import { chart } from "./charts.js";
import { h } from "./dom.js";
import { drawElement, image } from "./elements.js";
import { markdown } from "./markdown.js";
import { mrkdwn, plainText, text } from "./mrkdwn.js";
import { richText } from "./richtext.js";

export function drawBlocks(blocks, context) {
  return blocks.map((block) => {
    const draw = DRAWERS[block.type] ?? unknown;
    const drawn = draw(block, context);
    drawn.classList.add("block", `block-${block.type}`);
    return drawn;
  });
}

export function drawAttachments(attachments, context) {
  return attachments.map((attachment) => {
    const drawn = h("div", { class: "attachment" }, attachment.blocks ? drawBlocks(attachment.blocks, context) : h("div", { class: "block" }, mrkdwn(attachment.text ?? attachment.fallback ?? "")));
    if (/^#?[0-9a-f]{6}$/i.test(attachment.color ?? "")) drawn.style.setProperty("--bar", `#${attachment.color.replace("#", "")}`);
    return drawn;
  });
}

function section(block, context) {
  return h("div", {},
    h("div", { class: "section-text" },
      block.text ? h("div", {}, text(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "field" }, text(field)))) : null),
    block.accessory ? h("div", { class: "accessory" }, drawElement(block.accessory, block, context)) : null);
}

function contextBlock(block) {
  return h("div", {}, block.elements.map((element) => (element.type === "image" ? image(element) : h("span", {}, text(element)))));
}

function actions(block, context) {
  return h("div", {}, block.elements.map((element) => drawElement(element, block, context)));
}

function imageBlock(block) {
  return h("figure", {}, block.title ? h("figcaption", {}, plainText(block.title)) : null, image(block));
}

function input(block, context) {
  const element = drawElement(block.element, block, context);
  const labelled = `label-${block.block_id}-${block.element.action_id}`;
  element.setAttribute("aria-labelledby", labelled);
  return h("div", { dataset: { input: block.block_id } },
    h("div", { class: "label", id: labelled }, plainText(block.label), block.optional ? h("span", { class: "optional" }, " (optional)") : null),
    element,
    block.hint ? h("div", { class: "hint" }, plainText(block.hint)) : null,
    h("div", { class: "input-error", role: "alert" }));
}

function table(block) {
  const [head, ...body] = block.rows;
  const aligned = (place) => `align-${block.column_settings?.[place]?.align ?? "left"}${block.column_settings?.[place]?.is_wrapped ? " wrapped" : ""}`;
  const row = (cells, tag) => h("tr", {}, cells.map((cell, place) => h(tag, { class: aligned(place), scope: tag === "th" ? "col" : null }, tableCell(cell))));
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, body.map((cells) => row(cells, "td")))));
}

function tableCell(cell) {
  return cell.type === "rich_text" ? richText(cell) : String(cell.text ?? cell.value ?? "");
}

function unknown(block) {
  return h("div", { class: "unsupported" }, `(${block.type} block: not drawn in the sandbox)`);
}

const DRAWERS = {
  section,
  input,
  actions,
  table,
  data_visualization: chart,
  header: (block) => h("h3", {}, plainText(block.text)),
  context: contextBlock,
  divider: () => h("hr"),
  image: imageBlock,
  markdown: (block) => h("div", {}, markdown(block.text)),
  rich_text: (block) => h("div", {}, richText(block)),
};
