// Interactive elements of Block Kit: https://docs.slack.dev/reference/block-kit/block-elements
// `context.act(action)` sends a person's action. In a modal, `read()` returns an element's value: text, an option's value, or
// a list of them.

import { confirmed } from "./dialogs.js";
import { h, icon, popover } from "./dom.js";
import { plainText, text } from "./mrkdwn.js";

export function drawElement(element, block, context) {
  const draw = DRAWERS[element.type];
  if (!draw) return h("span", { class: "unsupported" }, `(${element.type}: not drawn in the sandbox)`);
  const drawn = draw(element, block, context);
  Object.assign(drawn.dataset, { actionId: element.action_id ?? "", blockId: block.block_id ?? "" });
  return drawn;
}

async function act(element, block, context, chosen = {}) {
  if (element.confirm && !(await confirmed(element.confirm))) return;
  context.act({ action_id: element.action_id, block_id: block.block_id, ...chosen });
}

// Sends every change, except in an input block: its modal sends all values when submitted.
function holding(drawn, read, element, block, context) {
  drawn.read = read;
  if (block.type !== "input" || block.dispatch_action) {
    drawn.addEventListener("change", () => {
      const value = read();
      if (value !== null) act(element, block, context, { option: [value].flat().join(",") });
    });
  }
  return drawn;
}

function button(element, block, context) {
  const style = { primary: "button button-primary", danger: "button button-danger" }[element.style] ?? "button";
  const label = element.accessibility_label;
  const click = () => act(element, block, context, { value: element.value });
  if (!element.url) return h("button", { type: "button", class: style, "aria-label": label, onclick: click }, plainText(element.text));
  return h("a", { class: style, href: /^https?:/i.test(element.url) ? element.url : null, target: "_blank", rel: "noopener noreferrer", "aria-label": label, onclick: click },
    plainText(element.text));
}

function overflow(element, block, context) {
  const drawn = h("button", { type: "button", class: "button button-overflow", "aria-label": "More actions", "aria-haspopup": "menu" }, icon("more"));
  drawn.addEventListener("click", () => popover(drawn, "More actions", element.options.map((option) => ({
    content: plainText(option.text),
    description: option.description?.text,
    dataset: { value: option.value ?? "" },
    choose: () => {
      if (/^https?:/i.test(option.url ?? "")) window.open(option.url, "_blank", "noopener");
      act(element, block, context, { option: option.value });
    },
  }))));
  return drawn;
}

function select(element, block, context) {
  const groups = element.option_groups ?? [{ options: element.options ?? [] }];
  const initial = element.initial_option?.value;
  const options = (list) => list.map((option) => h("option", { value: option.value, selected: option.value === initial }, option.text.text));
  const drawn = h("select", { class: "input select", "aria-label": element.placeholder?.text ?? "Choose an option" },
    h("option", { value: "", selected: initial === undefined }, element.placeholder?.text ?? "Choose an option"),
    groups.map((group) => (group.label ? h("optgroup", { label: group.label.text }, options(group.options)) : options(group.options))));
  return holding(drawn, () => drawn.value || null, element, block, context);
}

// Several people or channels, by id.
function directoryMultiSelect(kind, listed) {
  return (element, block, context) => {
    const options = listed(context).map(({ id, label }) => ({ value: id, text: { type: "plain_text", text: label } }));
    return folded(element, choices(element, block, context, options, "checkbox", element[`initial_${kind}s`] ?? [], "choices multi"));
  };
}

// People, channels and groups: a select whose values are ids.
function directorySelect(kind, listed) {
  return (element, block, context) => {
    const initial = element[`initial_${kind}`];
    const options = listed(context).map(({ id, label }) => h("option", { value: id, selected: id === initial }, label));
    const placeholder = element.placeholder?.text ?? "Choose an option";
    const drawn = h("select", { class: "input select", "aria-label": placeholder }, h("option", { value: "" }, placeholder), options);
    return holding(drawn, () => drawn.value || null, element, block, context);
  };
}

function multiSelect(element, block, context) {
  const all = (element.option_groups ?? [{ options: element.options ?? [] }]).flatMap((group) => group.options);
  const initial = (element.initial_options ?? []).map((option) => option.value);
  return folded(element, choices(element, block, context, all, "checkbox", initial, "choices multi"));
}

// A list that opens below its placeholder, or below what is chosen.
function folded(element, list) {
  const summary = h("summary", {});
  const say = () => {
    const chosen = [...list.querySelectorAll("input:checked")].map((input) => input.nextSibling.firstChild.textContent);
    summary.textContent = chosen.join(", ") || (element.placeholder?.text ?? "Choose options");
    summary.classList.toggle("placeholder", !chosen.length);
  };
  say();
  list.addEventListener("change", say);
  return Object.assign(h("details", { class: "fold-down" }, summary, list), { read: list.read });
}

function checkboxes(element, block, context) {
  const initial = (element.initial_options ?? []).map((option) => option.value);
  return choices(element, block, context, element.options, "checkbox", initial, "choices");
}

function radioButtons(element, block, context) {
  return choices(element, block, context, element.options, "radio", [element.initial_option?.value], "choices");
}

function choices(element, block, context, options, kind, initial, style) {
  const name = `${block.block_id}/${element.action_id}`;
  const drawn = h("div", { class: style, role: kind === "radio" ? "radiogroup" : "group" }, options.map((option) =>
    h("label", { class: "choice" },
      h("input", { type: kind, name, value: option.value, checked: initial.includes(option.value) }),
      h("span", {}, text(option.text), option.description ? h("small", {}, text(option.description)) : null))));
  const chosen = () => options.filter((_, place) => drawn.querySelectorAll("input")[place].checked).map((option) => option.value);
  return holding(drawn, () => (kind === "radio" ? chosen()[0] ?? null : chosen()), element, block, context);
}

function textInput(kind) {
  return (element) => {
    const shared = {
      class: "input", placeholder: element.placeholder?.text, minlength: element.min_length ?? null, maxlength: element.max_length ?? null,
      autofocus: element.focus_on_load === true,
    };
    const drawn = element.multiline ? h("textarea", { ...shared, rows: 4 }) : h("input", { ...shared, type: kind });
    drawn.value = element.initial_value ?? "";
    drawn.read = () => drawn.value || null;
    return drawn;
  };
}

function picker(kind) {
  return (element, block, context) => {
    const drawn = h("input", { type: kind, class: "input", "aria-label": element.placeholder?.text ?? `Choose a ${kind}` });
    drawn.value = element[`initial_${kind}`] ?? "";
    return holding(drawn, () => drawn.value || null, element, block, context);
  };
}

// Slack's picker gives whole seconds since 1970.
function dateTimePicker(element, block, context) {
  const drawn = h("input", { type: "datetime-local", class: "input", "aria-label": "Choose a date and a time" });
  if (element.initial_date_time) {
    const local = new Date(element.initial_date_time * 1000 - new Date().getTimezoneOffset() * 60_000);
    drawn.value = local.toISOString().slice(0, 16);
  }
  return holding(drawn, () => (drawn.value ? String(Math.floor(new Date(drawn.value) / 1000)) : null), element, block, context);
}

export function image(element) {
  return h("img", { src: element.image_url, alt: element.alt_text, title: element.alt_text, referrerpolicy: "no-referrer", loading: "lazy" });
}

const DRAWERS = {
  button,
  overflow,
  image,
  static_select: select,
  external_select: select,
  multi_static_select: multiSelect,
  users_select: directorySelect("user", (context) => context.people()),
  channels_select: directorySelect("channel", (context) => context.rooms()),
  conversations_select: directorySelect("conversation", (context) => context.rooms()),
  multi_users_select: directoryMultiSelect("user", (context) => context.people()),
  multi_channels_select: directoryMultiSelect("channel", (context) => context.rooms()),
  multi_conversations_select: directoryMultiSelect("conversation", (context) => context.rooms()),
  checkboxes,
  radio_buttons: radioButtons,
  plain_text_input: textInput("text"),
  email_text_input: textInput("email"),
  url_text_input: textInput("url"),
  number_input: textInput("number"),
  datepicker: picker("date"),
  timepicker: picker("time"),
  datetimepicker: dateTimePicker,
};
