// The symbols in the bot's texts, as small pictures: some machines have no emoji font, and a symbol often carries the state.
// Each part of a picture is [path, fill, stroke], on a field of 16 by 16.

const SQUARE = ["M3 1.5h10A1.5 1.5 0 0 1 14.5 3v10a1.5 1.5 0 0 1-1.5 1.5H3A1.5 1.5 0 0 1 1.5 13V3A1.5 1.5 0 0 1 3 1.5z", "#1d9bd1"];
const BELL = ["M8 1.5A4.5 4.5 0 0 0 3.5 6v3.2L2 11.5h12l-1.5-2.3V6A4.5 4.5 0 0 0 8 1.5zM6.3 12.5a1.7 1.7 0 0 0 3.4 0z", "#ecb22e"];
const HOURGLASS = [["M4.8 3.5h6.4c0 2.6-1.6 3.4-2.4 4.5.8 1.1 2.4 1.9 2.4 4.5H4.8c0-2.6 1.6-3.4 2.4-4.5-.8-1.1-2.4-1.9-2.4-4.5z", "#f2c14e"], ["M3.5 1.5h9v1.6h-9zM3.5 12.9h9v1.6h-9z", "#8a5a3b"]];

const SYMBOLS = {
  bell: [BELL],
  no_bell: [BELL, ["M2 14L14 2", null, "#c01343"]],
  rotating_light: [["M4 11V8a4 4 0 0 1 8 0v3z", "#e01e5a"], ["M2.5 11.5h11V14h-11z", "#5e5d60"], ["M8 1v1.6M2.6 3.2l1.2 1.2M13.4 3.2l-1.2 1.2", null, "#e01e5a"]],
  book: [["M8 4C6.5 2.8 4 2.6 1.5 3v9.5c2.5-.4 5-.2 6.5 1 1.5-1.2 4-1.4 6.5-1V3C12 2.6 9.5 2.8 8 4z", "#1264a3"], ["M8 4.5v8.5", null, "#fff"]],
  memo: [["M3 1.5h8v13H3z", "#f6f1e1", "#8d8d8e"], ["M5 5h4M5 7.5h3", null, "#8d8d8e"], ["M13.6 5.2L15 6.6l-5 5-2 .6.6-2z", "#f2952f"]],
  warning: [["M8 1.8l6.8 12.4H1.2z", "#ecb22e"], ["M8 6.2v3.6M8 12v.01", null, "#1d1c1d"]],
  eyes: [["M4.5 3.5c1.7 0 3 2 3 4.5s-1.3 4.5-3 4.5-3-2-3-4.5 1.3-4.5 3-4.5zM11.5 3.5c1.7 0 3 2 3 4.5s-1.3 4.5-3 4.5-3-2-3-4.5 1.3-4.5 3-4.5z", "#fff", "#5e5d60"], ["M5 7a1.5 1.5 0 1 0 .01 0zM12 7a1.5 1.5 0 1 0 .01 0z", "#1d1c1d"]],
  zzz: [["M2 9h4l-4 4.5h4M7.5 5.5h3.2L7.5 9.2h3.2M11.5 1.8h2.7l-2.7 3h2.7", null, "#1d6fb8"]],
  information_source: [SQUARE, ["M8 7.2v4.6M8 4.2v.01", null, "#fff"]],
  grey_question: [["M5 5.3a3 3 0 1 1 4.4 2.8C8.4 8.6 8 9.2 8 10.3M8 13.3v.01", null, "#8d8d8e"]],
  hourglass: HOURGLASS,
  hourglass_flowing_sand: HOURGLASS,
  arrows_counterclockwise: [SQUARE, ["M11.6 6.6a4 4 0 0 0-7-.8M4.4 9.4a4 4 0 0 0 7 .8M4.4 3.4V6H7M11.6 12.6V10H9", null, "#fff"]],
  double_vertical_bar: [SQUARE, ["M5 4.5h2v7H5zM9 4.5h2v7H9z", "#fff"]],
  black_square_for_stop: [SQUARE, ["M5 5h6v6H5z", "#fff"]],
  fast_forward: [SQUARE, ["M3.8 4.8L8 8l-4.2 3.2zM8 4.8L12.2 8 8 11.2z", "#fff"]],
  checkered_flag: [["M4 2v12", null, "#41484f"], ["M4 2.5h9v6.5h-9z", "#fff", "#41484f"], ["M4 2.5h3v2.2h-3zM10 2.5h3v2.2h-3zM7 4.7h3v2.1h-3zM4 6.8h3v2.2h-3zM10 6.8h3v2.2h-3z", "#41484f"]],
  cyclone: [["M8.2 8.8a.8.8 0 0 1 .2-1.4c1.5-.3 2.3 1.6 1.2 2.8-1.5 1.7-4.6.8-5-1.7C4.1 5.2 7 3 9.9 3.6c3 .6 4.7 3.9 3.6 6.9", null, "#1d6fb8"]],
  satellite_antenna: [["M3 4a7.5 7.5 0 0 0 9 9z", "#8d8d8e"], ["M7.5 8.5L11 5M6 12l-2 2.5h6", null, "#5e5d60"], ["M11.5 3.2a1.3 1.3 0 1 0 .01 0z", "#e01e5a"]],
  see_no_evil: [["M8 2a6 6 0 1 0 .01 0z", "#8a5a3b"], ["M5.3 4.8a2.3 2.3 0 1 0 .01 0zM10.7 4.8a2.3 2.3 0 1 0 .01 0z", "#e8c096"], ["M6.2 11.5h3.6", null, "#fff"]],
  wave: [["M5.2 14C3 13 2 10.5 2 8l1-.6 1.5 2V3.5h1.4v4h.6V2h1.4v5.5h.6v-5h1.4v5h.6V4h1.4v6c0 3-2.5 5-4.8 5-.8 0-1.4-.4-1.9-1z", "#f2c14e"]],
  telephone_receiver: [["M4 1.5l2.5 3-1.3 1.6c.8 1.9 2.6 3.7 4.7 4.7l1.6-1.3 3 2.5c-.6 1.6-1.8 2.5-3.5 2.5-4.5 0-9.5-5-9.5-9.5 0-1.7.9-2.9 2.5-3.5z", "#45444a"]],
  construction: [["M1 4h14v5H1z", "#f2952f"], ["M3 9l3-5M7.5 9l3-5M12 9l3-5M3.5 9v5M12.5 9v5", null, "#1d1c1d"]],
  no_entry: [["M8 1.5a6.5 6.5 0 1 0 .01 0z", "#e01e5a"], ["M3.8 6.8h8.4v2.4H3.8z", "#fff"]],
  mag: [["M6.5 2a4.5 4.5 0 1 0 .01 0z", "#d8ecf7", "#5e5d60"], ["M10 10l4 4", null, "#8a5a3b"]],
  wrench: [["M10.8 1.8a3.6 3.6 0 0 0-3.6 4.8l-5 5a1.5 1.5 0 0 0 2.2 2.2l5-5a3.6 3.6 0 0 0 4.7-4.6L11.9 6.400 9.700 6 9.400 3.900l2.200-2z", "#8d8d8e"]],
  gear: [["M8 1.5l1.3 2 2.3-.7.4 2.4 2.3.8-1.1 2 1.1 2-2.3.8-.4 2.4-2.3-.7L8 14.5l-1.3-2-2.3.7-.4-2.4-2.3-.8 1.1-2-1.1-2 2.3-.8.4-2.4 2.3.7z", "#8d8d8e"], ["M8 5.8a2.2 2.2 0 1 0 .01 0z", "#fff"]],
  repeat: [SQUARE, ["M4 8V6.5A1.5 1.5 0 0 1 5.5 5h6M9.6 3l2 2-2 2M12 8v1.5a1.5 1.5 0 0 1-1.5 1.5h-6M6.4 13l-2-2 2-2", null, "#fff"]],
  bulb: [["M8 1.5a4.5 4.5 0 0 0-2.4 8.3V12h4.8V9.8A4.5 4.5 0 0 0 8 1.5z", "#ecb22e"], ["M5.8 12.6h4.4M6.6 14.4h2.8", null, "#5e5d60"]],
  point_right: [["M2 6h3l1.2-1.6h7.3a1.2 1.2 0 0 1 0 2.4h-3a1 1 0 0 1 .3 2 1 1 0 0 1-.5 2 1 1 0 0 1-.8 1.9H5L2 12z", "#f2c14e"]],
};

const SVG = "http://www.w3.org/2000/svg";

// Null if there is no picture of this name.
export function symbol(name) {
  if (!(name in SYMBOLS)) return null;
  const svg = document.createElementNS(SVG, "svg");
  for (const [attribute, value] of Object.entries({ viewBox: "0 0 16 16", class: "emoji emoji-symbol", role: "img", "aria-label": name.replaceAll("_", " ") })) svg.setAttribute(attribute, value);
  for (const [d, fill, stroke] of SYMBOLS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    path.setAttribute("fill", fill ?? "none");
    if (stroke) path.setAttribute("stroke", stroke);
    svg.append(path);
  }
  return svg;
}
