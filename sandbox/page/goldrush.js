// The drawer: GoldRush's pipelines, the menus of faults, and the outside pagers.

import { causeItems } from "./causes.js";
import { creditItems, PASSING } from "./time.js";
import { workItems } from "./work.js";
import { drawKeyed, h, icon, popover } from "./dom.js";
import { BOT, DELIVERY, GOLDRUSH, REDIS, SLACK, TOKEN, wordsOf } from "./faults.js";
import { person, seat } from "./model.js";
import { PagerList } from "./pagers.js";

const PHASES = [
  ["DEPLOYING", "Deploy"], ["RUNNING", "Run"], ["PAUSED", "Pause"], ["FAILED", "Fail"], ["STOPPING", "Stopping"], ["STOPPED", "Stop"],
];

// [label, target, menu]. The page hides the menu of a missing target.
const BREAKERS = [
  ["GoldRush", "goldrush", GOLDRUSH],
  ["Slack", "slack", [...SLACK, ...TOKEN.map(([heading, items]) => [heading, items.map((item) => [...item, { target: "token", method: undefined }])])]],
  ["Events", "delivery", DELIVERY],
  ["Redis", "redis", REDIS],
  ["Bot", "bot", BOT],
];

const NARROW = "(max-width: 720px)"; // as in narrow.css: there the drawer lies below the messages

export class Drawer {
  constructor(parent, api) {
    this.parent = parent;
    this.api = api;
    this.status = h("p", { class: "bot-state", role: "status", "data-testid": "bot-state" });
    this.story = h("p", { class: "bot-story", role: "status", "data-testid": "bot-story", hidden: true });
    this.scenario = h("button", { type: "button", class: "chip-button", "data-testid": "scenario" });
    this.breakers = BREAKERS.map(([name, target, groups]) => this.breaker(name, groups, target === "slack" ? { target, method: "*" } : { target }));
    this.fixAll = h("button", { type: "button", class: "link fix-all", "data-testid": "fix-all", hidden: true, onclick: () => this.post("faults", undefined, "DELETE") }, "Fix everything");
    this.faults = h("ul", { class: "faults", "aria-label": "Faults in force" });
    this.rows = h("ul", { class: "pipelines", "aria-label": "Pipelines" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.passing = PASSING.map(([label, seconds]) => h("button", { type: "button", class: "chip-button", dataset: { seconds }, "aria-label": `Let ${label} pass`, "data-testid": "pass", onclick: () => this.post("time", { seconds }) }, label));
    this.timeLabel = h("span");
    this.credits = h("button", { type: "button", class: "chip-button apart", "aria-haspopup": "menu", "data-testid": "credits" }, "Credits");
    this.credits.addEventListener("click", () => popover(this.credits, "Credits of the account", creditItems(this.usage, (fields) => this.post("usage", fields))));
    this.pagers = new PagerList((key, status) => this.post("pagers/act", { key, status, person: this.person }));
    const fold = h("button", { type: "button", class: "icon-button fold", "aria-label": "Fold the GoldRush drawer", onclick: () => this.fold() }, icon("down"));
    parent.append(
      h("header", { class: "drawer-head" }, h("h2", {}, "GoldRush"), h("span", { class: "quiet" }, "pipelines behind the bot"), fold),
      h("div", { class: "drawer-body" },
        h("div", { class: "drawer-tools" },
          h("div", { class: "tool-row" }, this.status, this.scenario),
          this.story,
          h("div", { class: "tool-row", role: "group", "aria-label": "Break something" }, h("span", { class: "tool-label" }, icon("fault"), "Break"), this.breakers),
          h("div", { class: "tool-row", role: "group", "aria-label": "Let time pass", title: "For Slack, GoldRush and the bot at once. Takes a quarter of a minute." }, h("span", { class: "tool-label" }, icon("clock"), this.timeLabel), this.passing, this.credits),
          this.faults, this.fixAll, this.problem),
        this.rows, this.pagers.element),
      h("p", { class: "drawer-note" }, "These buttons move the pipelines themselves. The bot finds out only by asking the API."));
    this.scenario.addEventListener("click", () => this.post("scenario", { running: !this.running }));
    if (window.matchMedia(NARROW).matches) this.fold();
  }

  fold() {
    const folded = this.parent.classList.toggle("folded");
    this.parent.querySelector(".fold").setAttribute("aria-label", `${folded ? "Unfold" : "Fold"} the GoldRush drawer`);
  }

  async post(path, body, method = "POST") {
    const { error } = await this.api.send(method, path, body);
    this.problem.textContent = error ?? "";
    this.problem.hidden = !error;
  }

  breaker(name, groups, scope) {
    const button = h("button", { type: "button", class: "chip-button", "aria-haspopup": "menu", "aria-label": `Break ${name}`, dataset: { target: scope.target }, "data-testid": `break-${scope.target}` }, name);
    button.addEventListener("click", () => popover(button, `Faults of ${name}`, this.faultItems(groups, scope)));
    return button;
  }

  faultItems(groups, scope, current = null) {
    const item = ([kind, words, code, more]) => ({
      content: words, description: code, current: kind === current, dataset: { fault: kind },
      choose: () => this.post("faults", { ...scope, ...more, kind }),
    });
    return [
      ...(current ? [item(["none", "fix it"])] : []),
      ...groups.flatMap(([heading, items]) => [{ heading }, ...items.map(item)]),
    ];
  }

  draw(state) {
    this.running = state.scenario.running;
    this.scenario.replaceChildren(icon(this.running ? "stop" : "play"), "Scenario");
    this.scenario.setAttribute("aria-pressed", String(this.running));
    this.scenario.title = this.running ? "Stop the scenario" : "Play the scenario: things happen by themselves";
    this.drawStatus(state.bot.connected, state.process);
    this.drawFaults(state);
    this.drawTime(state.time.left, state.breakable.includes("redis"));
    [this.usage, this.pipelines] = [state.usage, state.pipelines];
    this.person = person(state, seat.user).real_name;
    this.pagers.draw(state.pagers);
    drawKeyed(this.rows, state.pipelines, { key: (row) => row.id, drawn: JSON.stringify, draw: (row) => this.row(row) });
  }

  drawStatus(connected, process) {
    const down = process && !process.alive;
    const words = down ? "Bot is down" : { socket: "Bot connected (Socket Mode)", http: "Bot connected (HTTP)", no: "Bot not connected" }[connected];
    this.drawStory(connected, process);
    if (this.status.textContent === words) return;
    this.status.className = `bot-state ${down || connected === "no" ? "off" : "on"}`;
    this.status.textContent = words;
  }

  drawTime(left, movable) {
    this.timeLabel.textContent = left > 0 ? "Passing …" : "Let pass";
    this.timeLabel.parentElement.hidden = !movable;
    for (const button of this.passing) {
      button.hidden = !movable;
      button.disabled = left > 0;
    }
  }

  // Only after a restart: the first start needs no text.
  drawStory(connected, process) {
    this.story.hidden = !process?.last_end;
    if (this.story.hidden) return;
    const after = connected === "no" ? "is starting again …" : "is back";
    const times = process.starts > 2 ? ` (${process.starts - 1} times so far)` : "";
    this.story.textContent = `Ended by ${process.last_end}${process.alive ? `, ${after}${times}` : ""}`;
  }

  drawFaults(state) {
    for (const button of this.breakers) button.hidden = !state.breakable.includes(button.dataset.target);
    this.fixAll.hidden = state.faults.length === 0;
    const names = new Map(state.pipelines.map((row) => [row.id, row.name]));
    drawKeyed(this.faults, state.faults, {
      key: (fault) => `${fault.target}/${fault.kind}/${fault.pipeline_id ?? fault.method ?? ""}/${fault.route ?? ""}`,
      drawn: JSON.stringify,
      draw: (fault) => this.faultChip(fault, names),
    });
  }

  faultChip(fault, names) {
    const { target, kind, method, route, pipeline_id: pipelineId } = fault;
    const label = wordsOf(fault, names);
    const fixed = { target, kind: "none", fix: kind, method, route, pipeline_id: pipelineId ?? undefined };
    return h("li", { "data-testid": `fault-${target}`, title: method && method !== "*" ? method : null }, icon("fault"), h("span", {}, label),
      h("button", { type: "button", class: "icon-button", "aria-label": `Fix ${label}`, title: "Fix", onclick: () => this.post("faults", fixed) }, icon("close")));
  }

  row(row) {
    const gone = !row.visible;
    const phase = gone ? "VANISHED" : row.phase ?? "—";
    return h("li", { class: "pipeline", "data-testid": `pipeline-${row.id}`, dataset: { name: row.name, phase } },
      h("div", { class: "pipeline-line" },
        h("span", { class: "pipeline-name", title: `${row.name} (${row.project})` }, row.name),
        this.menuButton("work", `What ${row.name} does`, row, () => workItems(row, (path, fields) => this.post(path, fields)), row.pace === 1 ? "" : "Not at its usual pace"),
        this.menuButton("cause", `Why ${row.name} fails`, row, () => causeItems(row, this.pipelines, (path, fields) => this.post(path, fields)), row.cause ? `Ails from: ${row.cause.replaceAll("_", " ")}` : ""),
        h("span", { class: `phase phase-${phase.toLowerCase()}`, "data-testid": "phase" }, phase),
        h("span", { class: row.ready < row.replicas ? "ready short" : "ready", title: "Replicas ready" }, gone ? "404" : `${row.ready}/${row.replicas}`)),
      h("div", { class: "pipeline-line" },
        h("div", { class: "segments", role: "group", "aria-label": `Set the phase of ${row.name}` }, PHASES.map(([name, label]) => this.phaseButton(row, name, label))),
        this.extras(row)));
  }

  // `state`: what the icon says while it is lit.
  menuButton(name, label, row, items, state) {
    const button = h("button", { type: "button", class: state ? "icon-button lit" : "icon-button", "aria-label": `${state || label}: ${row.name}`, title: state || label, "aria-haspopup": "menu", "data-testid": name }, icon(name));
    button.disabled = !row.visible;
    button.addEventListener("click", () => popover(button, label, items()));
    return button;
  }

  phaseButton(row, phase, label) {
    return h("button", {
      type: "button", class: `segment segment-${phase.toLowerCase()}`, "data-testid": `set-${phase}`, "aria-label": `Set ${row.name} to ${phase}`, title: phase,
      "aria-pressed": String(row.visible && row.phase === phase), onclick: () => this.post(`pipelines/${row.id}`, { phase }),
    }, label);
  }

  extras(row) {
    const tool = (name, label, click) => h("button", { type: "button", class: "icon-button", "aria-label": `${label}: ${row.name}`, title: label, "data-testid": name, onclick: click }, icon(name));
    const move = (body) => () => this.post(`pipelines/${row.id}`, body);
    const fault = tool("fault", row.fault ? `Fault: ${row.fault}` : "Fault of this pipeline's answers", () =>
      popover(fault, `Faults of ${row.name}`, this.faultItems(GOLDRUSH, { target: "goldrush", pipeline_id: row.id }, row.fault)));
    fault.classList.toggle("lit", Boolean(row.fault));
    fault.disabled = !row.visible;
    return h("div", { class: "extras" },
      tool("degrade", "Degrade: one replica fewer ready", move({ degrade: true })),
      tool("restart", "Restart without a change of phase", move({ restart: true })),
      row.visible
        ? tool("vanish", "Vanish: 404 from now on", () => this.post(`pipelines/${row.id}`, undefined, "DELETE"))
        : tool("appear", "Bring back", move({ phase: row.phase })),
      fault);
  }
}
