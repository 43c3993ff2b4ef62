// Slack's data_visualization block, drawn as bars: a group for each category, a column for each series.
import { h } from "./dom.js";

function column(name, point, index, most) {
  const height = most ? Math.max(point.value ? 2 : 0, (100 * point.value) / most) : 0;
  const bar = h("span", { class: `kit-bar series-${index}`, title: `${name}: ${point.value}` });
  bar.style.height = `${height}%`; // the page's policy forbids style attributes
  return bar;
}

/** Draw a chart; the figures are in a table that screen readers read instead. */
export function chart(block) {
  const series = block.chart.series ?? [{ name: block.title, data: block.chart.segments ?? [] }];
  const labels = block.chart.axis_config?.categories ?? series[0].data.map((point) => point.label);
  const most = Math.max(...series.flatMap((one) => one.data.map((point) => point.value)), 0);
  return h("figure", { class: "kit-chart" },
    h("figcaption", {}, block.title),
    h("div", { class: "kit-bars", "aria-hidden": "true" }, labels.map((label, at) => h("div", { class: "kit-group" },
      h("div", { class: "kit-columns" }, series.map((one, index) => column(one.name, one.data[at], index, most))),
      h("span", { class: "kit-label" }, label)))),
    h("div", { class: "kit-legend", "aria-hidden": "true" }, series.map((one, index) =>
      h("span", {}, h("i", { class: `series-${index}` }), ` ${one.name}`))),
    // A table takes the width of its cells whatever its own is, so it is hidden by what is around it.
    h("div", { class: "unseen" }, h("table", {}, h("caption", {}, block.title), series.map((one) =>
      h("tr", {}, h("th", {}, one.name), one.data.map((point) => h("td", {}, `${point.label}: ${point.value}`)))))));
}
