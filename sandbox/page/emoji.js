// The emoji names that bots use. An unknown name stays text, as in Slack.

import { h } from "./dom.js";
import { symbol } from "./symbols.js";

const DRAWN = {
  red_circle: "#e01e5a", large_red_circle: "#e01e5a", large_orange_circle: "#f2952f", large_yellow_circle: "#ecb22e",
  large_green_circle: "#2eb67d", large_blue_circle: "#1d9bd1", large_purple_circle: "#8d4bbb", large_brown_circle: "#8a5a3b",
  white_circle: "#ffffff", black_circle: "#1d1c1d",
  large_red_square: "#e01e5a", large_orange_square: "#f2952f", large_yellow_square: "#ecb22e", large_green_square: "#2eb67d",
  large_blue_square: "#1d9bd1", large_purple_square: "#8d4bbb", white_large_square: "#ffffff", black_large_square: "#1d1c1d",
};

const UNICODE = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", raised_hands: "🙌", clap: "👏", pray: "🙏",
  point_up: "☝️", point_down: "👇", ok_hand: "👌", muscle: "💪", bust_in_silhouette: "👤", busts_in_silhouette: "👥",
  smile: "😄", slightly_smiling_face: "🙂", grin: "😁", joy: "😂", thinking_face: "🤔", sweat_smile: "😅", sob: "😭", sunglasses: "😎",
  tada: "🎉", sparkles: "✨", rocket: "🚀", fire: "🔥", boom: "💥", zap: "⚡", star: "⭐", heart: "❤️", robot_face: "🤖", bulb: "💡",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎",
  no_entry_sign: "🚫", exclamation: "❗", heavy_exclamation_mark: "❗", question: "❓",
  mute: "🔇", speaker: "🔈", loudspeaker: "📢", mega: "📣", pager: "📟",
  phone: "☎️", siren: "🚨", sos: "🆘", stopwatch: "⏱️", alarm_clock: "⏰", timer_clock: "⏲️",
  clock1: "🕐", clock3: "🕒", watch: "⌚", calendar: "📅", date: "📅", sleeping: "😴",
  arrow_forward: "▶️", pause_button: "⏸️", stop_button: "⏹️", octagonal_sign: "🛑",
  rewind: "⏪", repeat: "🔁", arrows_clockwise: "🔃", recycle: "♻️", leftwards_arrow_with_hook: "↩️",
  arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", arrow_upper_right: "↗️", small_red_triangle: "🔺",
  small_red_triangle_down: "🔻", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bar_chart: "📊", mag: "🔍", link: "🔗",
  gear: "⚙️", wrench: "🔧", hammer: "🔨", hammer_and_wrench: "🛠️", broom: "🧹", package: "📦", file_folder: "📁",
  pencil: "📝", pencil2: "✏️", clipboard: "📋", pushpin: "📌", bookmark: "🔖", scroll: "📜", books: "📚", key: "🔑", lock: "🔒",
  unlock: "🔓", shield: "🛡️", globe_with_meridians: "🌐", electric_plug: "🔌", battery: "🔋", potable_water: "🚰",
  droplet: "💧", ocean: "🌊", whale: "🐳", bug: "🐛", ghost: "👻", skull: "💀", hole: "🕳️", cloud: "☁️", sunny: "☀️", crescent_moon: "🌙",
  herb: "🌿", seedling: "🌱", evergreen_tree: "🌲", ambulance: "🚑", adhesive_bandage: "🩹", stethoscope: "🩺", checkered_flag: "🏁",
  triangular_flag_on_post: "🚩", black_small_square: "▪️", white_small_square: "▫️", small_blue_diamond: "🔹", small_orange_diamond: "🔸",
  large_blue_diamond: "🔷", large_orange_diamond: "🔶", radio_button: "🔘", heavy_minus_sign: "➖", heavy_plus_sign: "➕", new: "🆕", ok: "🆗",
};

// The page draws circles, squares and the bot's symbols itself: alerts need them, and some machines have no emoji font.
export function emoji(name) {
  if (name in DRAWN) {
    const shape = name.includes("square") ? "emoji-square" : "emoji-circle";
    const element = h("span", { class: `emoji ${shape}`, role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` });
    element.style.setProperty("--colour", DRAWN[name]);
    return element;
  }
  const picture = symbol(name);
  if (picture) return picture;
  if (name in UNICODE) return h("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " "), title: `:${name}:` }, UNICODE[name]);
  return document.createTextNode(`:${name}:`);
}

export function withEmoji(text) {
  return text.split(/(:[a-z0-9_+'-]+:)/).map((part, place) => (place % 2 ? emoji(part.slice(1, -1)) : document.createTextNode(part)));
}
