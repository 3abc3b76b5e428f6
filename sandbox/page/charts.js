// Charts: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
// The sandbox draws every chart with columns, one group per category. A pie's segments are its categories.

import { h } from "./dom.js";

export function chart(block) {
  const { categories, series } = columns(block.chart);
  const values = series.flatMap((one) => one.data.map((point) => point.value));
  const highest = Math.max(...values, 1);
  const spoken = series.map((one) => `${one.name}: ${one.data.map((point) => `${point.label} ${point.value}`).join(", ")}`).join("; ");
  const unit = block.chart.axis_config?.y_label ?? "";
  return h("figure", { class: "chart" },
    h("figcaption", {}, block.title),
    h("div", { class: "chart-plot", role: "img", "aria-label": `${block.title}. ${spoken}` },
      h("div", { class: "chart-scale" }, h("span", {}, `${round(highest)} ${unit}`), h("span", {}, `0 ${unit}`)),
      categories.map((label) => column(label, series, highest))),
    series.length > 1 ? h("div", { class: "chart-legend" }, series.map((one, place) => h("span", { class: `chart-series-${place}` }, one.name))) : null);
}

function columns(given) {
  if (given.type !== "pie") return { categories: given.axis_config.categories, series: given.series };
  return { categories: given.segments.map((segment) => segment.label), series: [{ name: "share", data: given.segments }] };
}

function column(label, series, highest) {
  const bars = series.map((one, place) => {
    const value = one.data.find((point) => point.label === label)?.value ?? 0;
    const bar = h("div", { class: `chart-bar chart-series-${place}`, title: `${label}: ${value}` });
    bar.style.setProperty("height", `${Math.max(0, (100 * value) / highest)}%`);
    return bar;
  });
  return h("div", { class: "chart-column" }, h("div", { class: "chart-bars" }, bars), h("div", { class: "chart-label" }, label));
}

function round(value) {
  return Math.round(value * 10) / 10;
}
