// The answer of GET /sandbox/state, and the page's view of it.
//
// {
//   team: {id, name}, users: [{id, name, real_name, tz, is_bot}], usergroups: [{id, handle, name, users}],
//   channels: [{id, name, kind: "public_channel" | "private_channel" | "im", archived, bot_is_member, is_member, read_only, members, unread}],
//   channel: the one shown, conversation: [message], scheduled: [{id, post_at, text}] in that channel, view: the open modal or null, home: the published Home tab or null,
//   bot: {connected: "socket" | "http" | "no", user, messages_tab: "off" | "read_only" | "writable"}, process: the bot's {pid, alive, starts, last_end}, or null if the sandbox did not start it,
//   pagers: {incidents: [{id, key, title, status: "triggered" | "acknowledged" | "resolved", acknowledged_by}], messages: [{number, path, title}]}, latest first,
//   pipelines: [{id, name, project, phase, replicas, ready, intent, start_time, visible, fault, cause, causes, pace, chain, chain_late, last_block, destination_type}],
//   time: {now, left: seconds that still pass}, usage: the account's {max_credits, consumed, per_day, flex_credits},
//   scenario: {running}, faults: [{target, kind, times?, seconds?, retry_after?, pipeline_id? or method?}], breakable: [target]
// }
// message: {ts, thread_ts, user, name, is_bot, text, blocks, edited, ephemeral, deleted, broadcast, replies: [message]}
// `conversation` holds roots (with their replies) and the ephemerals that this person sees.

// The person and the channel on the page. The address has both, so a reload or a second window shows the same.
export const seat = {
  user: new URLSearchParams(location.search).get("user") ?? "U0ANN",
  channel: new URLSearchParams(location.search).get("channel") ?? "C0ALERTS",
  thread: null,
  home: false,
};

export function takeSeat(change) {
  Object.assign(seat, change);
  history.replaceState(null, "", `?user=${encodeURIComponent(seat.user)}&channel=${encodeURIComponent(seat.channel)}`);
}

export class Api {
  async state() {
    const query = new URLSearchParams({ user: seat.user, channel: seat.channel });
    const reply = await fetch(`/sandbox/state?${query}`);
    if (!reply.ok) throw new Error((await reply.json()).error);
    return reply.json();
  }

  // Every call returns an object. Its `error` is for the person.
  async send(method, path, body) {
    try {
      const reply = await fetch(`/sandbox/${path}`, {
        method,
        headers: { "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      return await reply.json();
    } catch {
      return { error: "The sandbox does not answer. Is it still running?" };
    }
  }

  post(path, body) {
    return this.send("POST", path, body);
  }
}

// Dismissing an ephemeral message hides it in this browser only, as in Slack.
const dismissed = new Set();

export function dismiss(message) {
  dismissed.add(message.ts);
}

const shown = (message) => !dismissed.has(message.ts);

// A reply also sent to the channel shows in both places.
export function timeline(conversation) {
  const roots = conversation.filter(shown);
  const broadcasts = roots.flatMap((root) => root.replies.filter((reply) => reply.broadcast).map((reply) => ({ ...reply, root })));
  return [...roots, ...broadcasts].sort((a, b) => Number(a.ts) - Number(b.ts));
}

export function threadOf(conversation, ts) {
  const root = conversation.find((message) => message.ts === ts);
  return root ? { root, replies: root.replies.filter(shown) } : null;
}

export const directMessage = (state) => state.channels.find((channel) => channel.kind === "im") ?? null;

export const currentChannel = (state) => state.channels.find((channel) => channel.id === seat.channel);

// A direct message has the other side's name.
export const title = (state, channel) => (channel.kind === "im" ? person(state, state.bot.user).real_name : channel.name);

export const person = (state, id) => state.users.find((user) => user.id === id);
