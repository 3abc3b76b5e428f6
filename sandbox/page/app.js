// The page: fetches the state, draws it, and sends the person's actions. model.js describes the state.

import { drawBlocks } from "./blocks.js";
import { Composer } from "./composer.js";
import { clock, setNow } from "./dates.js";
import { closePopover, h, icon, popover } from "./dom.js";
import { Drawer } from "./goldrush.js";
import { drawMessages, snippetOf } from "./messages.js";
import { Modal } from "./modal.js";
import { Api, currentChannel, directMessage, dismiss, person, seat, takeSeat, threadOf, timeline, title } from "./model.js";
import { setDirectory } from "./mrkdwn.js";
import { drawSidebar } from "./sidebar.js";
import { drawWelcome } from "./welcome.js";

const NEAR_BOTTOM = 80;
const TICK = 15_000;
const byId = (id) => document.getElementById(id);

const api = new Api();
let state = null;
let pinned = false; // after the person's own message the list scrolls to its end

const TROUBLE = {
  dispatch_failed: "The app could not be reached (dispatch_failed).",
  operation_timeout: "The app took longer than 3 seconds to answer (operation_timeout).",
};

const context = {
  act: (message, action) => actOn(action, { channel: seat.channel, ts: message.ts }),
  dismiss: (message) => { dismiss(message); draw(); },
  erase: async (message) => composer.complain((await api.post("messages/delete", { channel: seat.channel, ts: message.ts })).error),
  openThread: (ts) => { takeSeat({ thread: ts }); draw(); threadComposer.input.focus(); },
  people: () => state.users.filter((user) => !user.is_bot).map(({ id, real_name: label }) => ({ id, label })),
  rooms: () => state.channels.filter((channel) => channel.kind !== "im").map(({ id, name }) => ({ id, label: `#${name}` })),
  days: true,
};

const viewContext = { ...context, act: (action) => actOn(action, null) };

const drawer = new Drawer(byId("goldrush"), api);
const modal = new Modal(byId("modal"), {
  context: viewContext,
  submit: (values) => api.post("view/submit", { user: seat.user, values }),
  close: () => api.post("view/close", { user: seat.user }),
});

const sent = [];
const composer = new Composer({
  placeholder: "Message", testid: "composer", history: sent,
  send: (text) => say({ text }),
});
const threadComposer = new Composer({
  placeholder: "Reply…", testid: "thread-composer", history: sent,
  send: (text) => say({ text, thread_ts: seat.thread }),
});

async function actOn(action, message) {
  const place = message ? ["click", message] : ["view/click", {}];
  const { error } = await api.post(place[0], { user: seat.user, ...place[1], ...action });
  composer.complain(TROUBLE[error] ?? error);
}

// Slack answers a failed command in the channel. The composer shows an earlier refusal.
async function say(body) {
  const answer = await api.post("command", { user: seat.user, channel: seat.channel, ...body });
  pinned = true;
  return "ok" in answer ? {} : answer;
}

// --- drawing ---------------------------------------------------------------------------------------------------------

function draw() {
  if (!state) return;
  setNow(state.time.now);
  setDirectory({
    me: seat.user,
    users: new Map(state.users.map((user) => [user.id, user])),
    groups: new Map(state.usergroups.map((group) => [group.id, group])),
    channels: new Map(state.channels.map((channel) => [channel.id, channel])),
    goTo,
  });
  context.viewer = seat.user;
  drawSidebar(byId("sidebar"), state, { goTo, openMessages, become });
  drawHeader();
  drawNotices();
  drawCentre();
  drawThread();
  drawer.draw(state);
  modal.draw(state.view);
  document.title = `${state.channels.some((channel) => channel.unread && channel.id !== seat.channel) ? "* " : ""}${title(state, currentChannel(state))} · ${state.team.name} sandbox`;
}

function drawHeader() {
  const channel = currentChannel(state);
  const header = byId("channel-header");
  const bot = person(state, state.bot.user);
  if (seat.home || channel.kind === "im") {
    const tab = (name, chosen, go) => h("button", { type: "button", class: "tab", role: "tab", "aria-selected": String(chosen), onclick: go }, name);
    const dm = directMessage(state);
    header.replaceChildren(h("h2", {}, bot.real_name, h("span", { class: "badge" }, "APP")),
      h("div", { class: "tabs", role: "tablist" }, tab("Home", seat.home, openHome), state.bot.messages_tab === "off" ? null : tab("Messages", !seat.home, () => (dm ? goTo(dm.id) : openMessages()))));
    return;
  }
  const mark = channel.kind === "private_channel" ? icon("lock") : "#";
  header.replaceChildren(h("h2", {}, h("span", { class: "mark" }, mark), channel.name),
    h("span", { class: "quiet" }, `${channel.members.length} member${channel.members.length === 1 ? "" : "s"}`),
    channelMenu(channel));
}

function channelMenu(channel) {
  const button = h("button", { type: "button", class: "icon-button header-menu", "aria-label": "Channel actions", title: "Channel actions", "aria-haspopup": "menu", "data-testid": "channel-menu" }, icon("more"));
  const item = (content, action, name) => ({ content, dataset: { action }, choose: () => changeChannel(channel, action, name) });
  button.addEventListener("click", () => popover(button, "Channel actions", [
    channel.bot_is_member ? item("Remove Pipeline Bot", "kick") : item("Invite Pipeline Bot", "invite"),
    item("Rename to …-renamed", "rename", `${channel.name}-renamed`),
    channel.archived ? item("Unarchive the channel", "unarchive") : item("Archive the channel", "archive"),
    channel.kind === "private_channel" ? item("Make it public", "make_public") : item("Make it private", "make_private"),
    channel.read_only ? item("Let everybody post again", "make_writable") : item("Let only admins post", "make_read_only"),
    item("Move it to another id", "change_id"),
    { ...item("Delete the channel", "delete"), danger: true },
  ]));
  return button;
}

async function changeChannel(channel, action, name) {
  const { error } = await api.post(`channels/${channel.id}`, { action, name });
  composer.complain(error);
}

function drawNotices() {
  const channel = currentChannel(state);
  const notices = [];
  if (state.bot.connected === "no") notices.push("Pipeline Bot is not connected: commands and buttons go unanswered.");
  if (channel.read_only) notices.push(`#${channel.name} is read-only: the app may not post here.`);
  if (channel.archived) notices.push(`#${channel.name} is archived: nobody can write here.`);
  if (silent()) notices.push("Sending messages to this app has been turned off.");
  const absent = !channel.bot_is_member && !channel.archived;
  const parent = byId("notices");
  const fingerprint = `${channel.id} ${notices} ${absent} ${JSON.stringify(state.scheduled)}`;
  if (parent.dataset.drawn === fingerprint) return;
  const unfolded = parent.dataset.channel === channel.id && parent.querySelector("details")?.open;
  Object.assign(parent.dataset, { drawn: fingerprint, channel: channel.id });
  parent.hidden = !notices.length && !absent && !state.scheduled.length;
  parent.replaceChildren(...notices.map((notice) => h("p", {}, notice)));
  if (absent) parent.append(h("p", {}, "Pipeline Bot is not in this channel. ", h("button", { type: "button", class: "link", "data-testid": "invite", onclick: () => changeChannel(channel, "invite") }, "Invite it")));
  if (state.scheduled.length) parent.append(scheduledNotice(unfolded));
}

// Slack's own client does not show these. One line until somebody unfolds it: the messages of the channel matter more.
function scheduledNotice(unfolded) {
  const at = ({ post_at: seconds }) => clock(new Date(seconds * 1000));
  const [next] = state.scheduled;
  const count = state.scheduled.length === 1 ? "1 scheduled message" : `${state.scheduled.length} scheduled messages, the next`;
  return h("details", { class: "scheduled", open: Boolean(unfolded), "data-testid": "scheduled" },
    h("summary", {}, `${count} at ${at(next)}`),
    h("ul", {}, state.scheduled.map((message) => h("li", {}, `${at(message)}: ${snippetOf(message)}`))));
}

function drawCentre() {
  const scroller = byId("conversation");
  byId("composer").hidden = seat.home || silent();
  if (seat.home) {
    drawHome(scroller);
    return;
  }
  delete scroller.dataset.home;
  const channel = currentChannel(state);
  const place = `${seat.user}/${seat.channel}`;
  const fresh = scroller.dataset.place !== place;
  if (fresh) scroller.replaceChildren(h("div", { class: "intro" }), h("div", { class: "messages" }));
  const atBottom = fresh || pinned || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM;
  scroller.dataset.place = place;
  drawWelcome(scroller.firstChild, channel, title(state, channel), (text) => composer.fill(text));
  drawMessages(scroller.lastChild, timeline(state.conversation), context);
  if (atBottom) scroller.scrollTop = scroller.scrollHeight;
  composer.describe(`Message ${channel.kind === "im" ? "" : "#"}${title(state, channel)}`);
  composer.input.disabled = channel.archived;
}

// A Messages tab that the manifest makes read-only has no message box.
const silent = () => currentChannel(state).kind === "im" && state.bot.messages_tab !== "writable";

// Redrawn only if it changed: an open menu or a half-read page stays as it is.
function drawHome(scroller) {
  const { blocks, hash } = state.home ?? {};
  const fingerprint = `${seat.user} ${hash}`;
  if (scroller.dataset.home === fingerprint) return;
  delete scroller.dataset.place;
  scroller.dataset.home = fingerprint;
  scroller.replaceChildren(h("div", { class: "home blocks" }, blocks ? drawBlocks(blocks, viewContext) : h("p", { class: "quiet" }, "The app has not published a Home tab.")));
}

function drawThread() {
  const panel = byId("thread");
  const thread = seat.thread && !seat.home ? threadOf(state.conversation, seat.thread) : null;
  panel.hidden = !thread;
  if (!thread) return;
  if (!panel.firstChild) buildThread(panel);
  const scroller = panel.querySelector(".scroller");
  const fresh = panel.dataset.root !== seat.thread;
  const atBottom = fresh || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_BOTTOM;
  panel.dataset.root = seat.thread;
  panel.querySelector(".thread-where").textContent = title(state, currentChannel(state));
  const inThread = { ...context, openThread: null, days: false };
  const [root, count, replies] = scroller.children;
  drawMessages(root, [thread.root], inThread);
  const number = thread.replies.filter((reply) => !reply.ephemeral).length;
  count.textContent = `${number} ${number === 1 ? "reply" : "replies"}`;
  count.hidden = number === 0;
  drawMessages(replies, thread.replies, inThread);
  threadComposer.element.hidden = silent();
  if (atBottom) scroller.scrollTop = scroller.scrollHeight;
}

function buildThread(panel) {
  panel.append(
    h("header", {}, h("h2", {}, "Thread"), h("span", { class: "quiet thread-where" }),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close thread", "data-testid": "thread-close", onclick: closeThread }, icon("close"))),
    h("div", { class: "scroller", role: "log", "aria-label": "Replies", tabindex: "0" }, h("div"), h("div", { class: "reply-count" }), h("div")),
    threadComposer.element);
}

// --- going about -----------------------------------------------------------------------------------------------------

function goTo(channel) {
  takeSeat({ channel, thread: null, home: false });
  closePopover();
  refresh();
  composer.input.focus();
}

function become(user) {
  takeSeat({ user, thread: null, home: false });
  refresh();
}

function openHome() {
  takeSeat({ home: true, thread: null });
  api.post("home", { user: seat.user });
  draw();
}

async function openMessages() {
  const { channel, error } = await api.post("messages_tab", { user: seat.user });
  if (channel) goTo(channel);
  else composer.complain(error);
}

function closeThread() {
  takeSeat({ thread: null });
  draw();
  composer.input.focus();
}

// --- keeping up ------------------------------------------------------------------------------------------------------

let fetching = false;
let stale = false;

// One fetch at a time. A change in the meantime causes one more.
async function refresh() {
  stale = true;
  if (fetching) return;
  fetching = true;
  while (stale) {
    stale = false;
    try {
      state = await api.state();
      if (!seat.channel) takeSeat({ channel: state.channel });
      draw();
      pinned = false;
    } catch (error) {
      recover(error);
    }
  }
  fetching = false;
}

// If the person cannot see the channel any more (private, deleted or moved), the page shows their first one.
function recover(error) {
  const unreachable = error instanceof TypeError;
  if (unreachable || (!seat.channel && seat.user === "U0ANN")) return;
  const known = state?.users.some((user) => user.id === seat.user);
  takeSeat({ user: known ? seat.user : "U0ANN", channel: "", thread: null });
  stale = true;
}

function listen() {
  const live = new EventSource("/sandbox/live");
  live.addEventListener("message", refresh);
  live.addEventListener("open", () => { document.body.classList.remove("offline"); refresh(); });
  live.addEventListener("error", () => document.body.classList.add("offline"));
}

byId("composer").append(composer.element);
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !byId("thread").hidden && !document.querySelector("dialog[open]")) closeThread(); });
setInterval(() => document.querySelectorAll(".ticking").forEach((element) => element.refresh()), TICK);
listen();
refresh();
composer.input.focus();
