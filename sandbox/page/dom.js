// Builds elements without markup in strings. Text becomes a text node, so nothing from the server becomes HTML.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  fill(element, ...children);
  return element;
}

// Flattens lists, and skips absent items.
export function fill(element, ...children) {
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  clock: "M8 2a6 6 0 1 1-.01 0zM8 4.8v3.4l2.3 1.5",
  lock: "M4.5 7V5a3.5 3.5 0 0 1 7 0v2M3.5 7h9v6.5h-9z",
  close: "M4 4l8 8M12 4l-8 8",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  send: "M2.5 2.5l11.5 5.5-11.5 5.5 2-5.5zM4.5 8h5",
  reply: "M2.5 3h11v8h-6l-3 2.5v-2.5h-2z",
  bin: "M3 4.5h10M6.3 4.5V3h3.4v1.5M4.3 4.5l.6 8.7h6.2l.6-8.7M6.8 7v4M9.2 7v4",
  eye: "M1.5 8s2.4-4.2 6.5-4.2 6.5 4.2 6.5 4.2-2.4 4.2-6.5 4.2-6.5-4.2-6.5-4.2zM8 6.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2",
  degrade: "M8 2.5v10M4 8.8l4 4 4-4",
  restart: "M12.8 6.2A5.2 5.2 0 1 0 13 9.4M13 2.6v3.8H9.2",
  vanish: "M3.2 3.2l9.6 9.6M8 2.2a5.8 5.8 0 1 0 0 11.6 5.8 5.8 0 0 0 0-11.6",
  appear: "M8 3v10M3 8h10",
  work: "M2.5 12.5a6 6 0 1 1 11 0M8 11l3-4",
  cause: "M2 9h3l1.6-5 2.6 9 1.6-4H14",
  fault: "M9.2 1.8L3.6 9h3.9l-.9 5.2L12.4 7H8.5z",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  stop: "M4 4h8v8H4z",
  down: "M4 6.2l4 4 4-4",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Redraws a list in place. Unchanged items keep their element, with its focus and scroll position.
export function drawKeyed(parent, items, { key, drawn, draw }) {
  const known = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  const wanted = items.map((item) => {
    const name = key(item);
    const fingerprint = drawn(item);
    const before = known.get(name);
    if (before && before.fingerprint === fingerprint) return before;
    const element = draw(item);
    element.dataset.key = name;
    element.fingerprint = fingerprint;
    return element;
  });
  const kept = new Set(wanted);
  for (const element of [...parent.children]) if (!kept.has(element)) element.remove();
  wanted.forEach((element, place) => {
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
}

let open = null;

// A small menu beside the element that asked for it. Arrow keys move, Escape closes, focus goes back.
export function popover(anchor, label, items) {
  closePopover();
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label });
  for (const item of items) {
    menu.append(item.heading
      ? h("div", { class: "menu-heading", role: "presentation" }, item.heading)
      : h("button", {
          type: "button", class: item.danger ? "menu-item danger" : "menu-item", role: "menuitem",
          "aria-current": item.current ? "true" : null, dataset: item.dataset ?? {},
          onclick: () => { closePopover(); item.choose(); },
        }, item.content, item.description ? h("small", {}, item.description) : null));
  }
  (anchor.closest("dialog") ?? document.body).append(menu); // a modal lies above everything outside it
  place(menu, anchor.getBoundingClientRect());
  open = { menu, anchor };
  anchor.setAttribute("aria-expanded", "true");
  menu.querySelector("button")?.focus();
  menu.addEventListener("keydown", moveInMenu);
}

function place(menu, beside) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.min(beside.left, window.innerWidth - width - 8);
  const below = beside.bottom + 4;
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${below + height > window.innerHeight ? Math.max(8, beside.top - height - 4) : below}px`;
}

function moveInMenu(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    const buttons = [...open.menu.querySelectorAll("button")];
    buttons.at((buttons.indexOf(document.activeElement) + step) % buttons.length).focus();
    event.preventDefault();
  } else if (event.key === "Escape" || event.key === "Tab") {
    closePopover();
    event.preventDefault();
    event.stopPropagation();
  }
}

export function closePopover() {
  if (!open) return;
  const { menu, anchor } = open;
  open = null;
  const hadFocus = menu.contains(document.activeElement);
  menu.remove();
  anchor.removeAttribute("aria-expanded");
  if (hadFocus) anchor.focus();
}

document.addEventListener("pointerdown", (event) => {
  if (open && !open.menu.contains(event.target) && !open.anchor.contains(event.target)) closePopover();
});
