// Every fault that the page can set. An item is [kind, words, code, more]. The menu shows the words, and so does the chip of an active
// fault. The code is the technical name, and `more` goes to the control API. Items without a chip are single acts.

const LIMITED = "says too many requests";
const POSTS = { method: "chat.postMessage" };
const HISTORY = { method: "conversations.history" };

const [LOGS, METRICS, HEALTH, CHAINS] = ["logs", "metrics", "destination-health", "chains"].map((route) => ({ route }));

export const GOLDRUSH = [
  ["It refuses", [
    ["unauthorized", "does not know the key", "401"], ["forbidden", "forbids it", "403"], ["not_found", "knows no such pipeline", "404"], ["conflict", "is busy with another request", "409"],
    ["throttled", LIMITED, "429"], ["throttled", `${LIMITED}: wait 30 s`, "429", { retry_after: "30" }], ["throttled", `${LIMITED}: wait until a date`, "429", { retry_after: "date+30" }],
    ["throttled", `${LIMITED}: wait ten minutes`, "429", { retry_after: "600" }],
  ]],
  ["It is away", [
    ["server_error", "fails inside", "500"], ["bad_gateway", "is behind a broken gateway", "502"], ["no_route", "is behind a gateway that lost it", "404"], ["walled", "is behind a firewall", "403"], ["unavailable", "is unavailable", "503"], ["hang", "takes the call, never answers", "hang"],
    ["slow", "answers after 5 s", "slow"], ["header_drip", "drips its headers", "slow loris"], ["drip", "drips its answer", "slow body"], ["truncated", "stops half-way", "truncated"], ["reset", "resets the connection", "RST"],
  ]],
  ["It says too much", [
    ["endless", "never comes to an end", "chunked"], ["flood", "answers with 100 MB", "stream"], ["gzip_bomb", "swells to 256 MB", "gzip bomb"], ["huge", "has a field of 2 MB", "huge"], ["deep", "nests 100,000 deep", "deep"],
  ]],
  ["It says what is not so", [
    ["stale", "lags one change behind", "stale replica"], ["wrong_pipeline", "answers for another pipeline", "200"], ["null_phase", "says no phase", "null"], ["unknown_phase", "says an unknown phase", "HIBERNATING"],
    ["error_true", "says success and error at once", "200"], ["duplicate_keys", "says two phases at once", "twice a key"],
    ["empty_list", "lists no pipeline", "no items"], ["short_list", "lists the first pipeline only", "1 item"],
  ]],
  ["It talks nonsense", [
    ["missing_field", "leaves the phase out", "no status"], ["missing_ready", "leaves the readiness out", "no ready"], ["missing_uid", "leaves the worker out", "no uid"], ["null_data", "says nothing", "data: null"], ["wrong_types", "mixes up text and numbers", "types"], ["not_json", "shows a login page", "HTML, 200"],
    ["redirect", "sends to another host", "302"], ["redirect_loop", "sends round in a circle", "302"], ["nan", "says NaN", "NaN"], ["bom", "begins with a byte order mark", "BOM"], ["bad_utf8", "is no UTF-8", "bytes"],
  ]],
  ["It answers well, but", [
    ["hang", "never shows a log", "hang", LOGS], ["long", "shows logs of 10 MB", "long", LOGS], ["not_json", "shows a login page for logs", "HTML, 200", LOGS], ["throttled", "says too many requests for logs", "429", { ...LOGS, retry_after: "30" }],
    ["tail_error", "finds no container to read", "tail error", LOGS], ["no_pods", "shows logs of no replica", "no pods", LOGS],
    ["hang", "never shows metrics", "hang", METRICS], ["only_uid", "shows metrics without a figure", "uid alone", METRICS], ["odd_numbers", "shows impossible metrics", "-1, 2^70", METRICS],
    ["forbidden", "forbids the destination’s health", "403", HEALTH], ["hang", "never shows the destination’s health", "hang", HEALTH],
    ["hang", "never shows its chains", "hang", CHAINS], ["forbidden", "forbids its chains", "403", CHAINS], ["renamed", "names heights as in its newer page", "chain_tip_height", CHAINS],
  ]],
];

export const SLACK = [
  ["Every call", [
    ["throttled", LIMITED, "429"], ["throttled", `${LIMITED}: wait 0 s`, "429", { retry_after: 0 }], ["throttled", `${LIMITED}: wait 30 s`, "429", { retry_after: 30 }], ["throttled", `${LIMITED}: wait an hour`, "429", { retry_after: 3600 }],
    ["throttled", `${LIMITED}, not how long`, "429", { retry_after: null }], ["throttled", `${LIMITED}: wait “soon”`, "429", { retry_after: "soon" }],
    ["error", "had an inner error", "internal_error"], ["server_error", "fails inside", "500"], ["unavailable", "is unavailable", "503"], ["hang", "never answers", "hang"], ["slow", "answers after 1 s", "slow"], ["reset", "resets the connection", "RST"],
  ]],
  ["A message is posted, and yet it", [
    ["server_error", "posts, then fails", "500", { ...POSTS, when: "after" }], ["reset", "posts, then hangs up", "RST", { ...POSTS, when: "after" }], ["throttled", "posts, then says too many requests", "429", { ...POSTS, when: "after" }],
    ["hang", "posts, then never answers", "hang", { ...POSTS, when: "after" }], ["land_late", "posts 10 s later, unsaid", "late", { ...POSTS, seconds: 10 }], ["truncated", "posts, then stops half-way", "truncated", POSTS],
    ["no_ts", "posts, says not where", "no ts", POSTS], ["strip_metadata", "posts without the metadata", "stripped", POSTS],
  ]],
  ["What was posted is read back", [
    ["stale", "history is 5 s old", "stale", { ...HISTORY, seconds: 5 }], ["throttled", "history says too many requests", "429", HISTORY], ["hang", "history never answers", "hang", HISTORY],
  ]],
];

export const TOKEN = [["The app", [
  ["revoked", "has revoked the bot’s token", "token_revoked"], ["uninstalled", "has removed the app", "account_inactive"], ["invalid", "does not know the token", "invalid_auth"],
  ["no_history_scope", "lets nobody read history", "missing_scope"], ["no_metadata_scope", "hides the metadata", "missing scope"],
]]];

export const DELIVERY = [
  ["Commands, clicks and events", [
    ["twice", "come twice at once", "envelope twice"], ["again", "come again after a minute", "new envelope", { seconds: 60 }], ["again", "come again after 5 minutes", "new envelope", { seconds: 300 }], ["out_of_order", "overtake each other", "out of order", { seconds: 2 }],
  ]],
  ["The sockets", [
    ["deaf", "stand open and are deaf", "half-open"], ["one_deaf", "stand open, the oldest is deaf", "half-open"], ["refresh_mid_ack", "close before the ack is read", "refresh_requested"],
  ]],
  ["At once", [
    ["repeated", "send the last one once more", "repeat"], ["refresh_requested", "close the sockets", "refresh_requested"], ["warning", "say that they will close", "warning"], ["dropped", "close them without a word", "dropped"],
  ]],
];

export const REDIS = [
  ["The wire", [
    ["slow", "is half a second late", "slow", { seconds: 0.5 }], ["drip", "drips its answers", "byte drip"], ["silent", "takes everything, answers nothing", "half-open"], ["refused", "refuses connections", "refused"], ["lost_reply", "obeys, then hangs up", "lost reply"],
  ]],
  ["The server", [
    ["killed", "is down", "kill -9"], ["killed", "is down for 10 s", "kill -9", { seconds: 10 }], ["stalled", "stands still for 5 s", "DEBUG SLEEP", { seconds: 5 }], ["stalled", "stands still for 30 s", "DEBUG SLEEP", { seconds: 30 }],
    ["paused", "pauses writes for 5 s", "CLIENT PAUSE", { seconds: 5 }], ["full", "is out of memory", "OOM"], ["misconf", "has a full disk", "MISCONF"], ["loading", "is still loading", "LOADING"],
  ]],
  ["At once", [
    ["reset", "cut all connections", "RST"], ["restarted", "start it again, all kept", "another run id"], ["scripts_forgotten", "make it forget the scripts", "NOSCRIPT"], ["rolled_back", "go back 10 s in time", "restore", { seconds: 10 }],
    ["rolled_back", "go back a minute in time", "restore", { seconds: 60 }], ["promoted", "a copy takes over, 1 s behind", "failover", { seconds: 1 }], ["demoted", "hand over to a replica", "planned failover"], ["emptied", "empty it", "FLUSHALL"],
  ]],
];

const FREEZES = [5, 10, 40].map((seconds) => ["frozen", `stands still for ${seconds} s`, "SIGSTOP", { seconds, target: "bot" }]);
const DEATHS = [["killed", "is killed", "kill -9"], ["killed", "is killed, back after 5 s", "kill -9", { seconds: 5 }], ["killed", "is killed, back after 30 s", "kill -9", { seconds: 30 }]];
const STEPS = [[3600, "is an hour ahead", "+1 h"], [-3600, "is an hour behind", "−1 h"], [86400, "is a day ahead", "+1 d"], [-86400, "is a day behind", "−1 d"], [30, "is 30 s ahead", "skew"]];

export const BOT = [
  ["The bot", [...FREEZES, ...DEATHS]],
  ["Its clock", STEPS.map(([seconds, words, code]) => ["off", words, code, { seconds, target: "clock" }])],
];

const TABLES = { goldrush: GOLDRUSH, slack: SLACK, token: TOKEN, delivery: DELIVERY, redis: REDIS, bot: BOT, clock: BOT };
const SUBJECTS = { goldrush: "GoldRush", slack: "Slack", token: "Slack", delivery: "Events", redis: "Redis", bot: "The bot", clock: "The bot’s clock" };
const OF_SOCKETS = new Set(["deaf", "one_deaf", "refresh_mid_ack"]);
const USUAL = { method: "*", retry_after: 1 }; // what the control API takes where nothing is said

// The text of a chip: the words of the item with the same kind and fields.
export function wordsOf(fault, pipelines) {
  const given = (more, name) => String((name in more ? more[name] : null) ?? (name === "retry_after" && name in more ? null : USUAL[name]) ?? null);
  const fits = ([, , , more = {}]) => ["seconds", "method", "retry_after", "route"].filter((name) => given(more, name) === given(fault, name)).length;
  const items = TABLES[fault.target].flatMap(([, all]) => all).filter(([kind]) => kind === fault.kind);
  const best = items.sort((a, b) => fits(b) - fits(a))[0];
  const subject = pipelines.get(fault.pipeline_id) ?? (OF_SOCKETS.has(fault.kind) ? "Sockets" : SUBJECTS[fault.target]);
  const times = fault.times && fault.kind !== "deaf" ? ` ×${fault.times}` : "";
  return `${subject} ${best ? best[1] : fault.kind.replaceAll("_", " ")}${times}`;
}
