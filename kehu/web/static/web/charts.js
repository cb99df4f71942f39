// Charts: every [data-chart] is drawn from the JSON of that id. What they show stands in a table beside them.
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const ink = colour("--ink-2") || "#4b5866";
  const line = colour("--line-2") || "#eceff3";
  const accent = colour("--accent") || "#1d5b8f";
  const amber = "#c98a16";
  const text = { color: ink, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily };
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const axis = (names, tilt, isTight) => ({
    type: "category",
    data: names,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: line } },
    axisLabel: { ...text, show: !(tilt && isTight), interval: tilt ? 0 : "auto", rotate: tilt ? 30 : 0, width: 90, overflow: "truncate" },
  });
  const values = (more = {}) => ({ type: "value", axisLabel: text, splitLine: { lineStyle: { color: line } }, minInterval: 1, ...more });
  // Drawn as text: HTML tooltips carry inline styles, which our policy forbids.
  const tooltip = { trigger: "axis", renderMode: "richText", confine: true };
  const grid = { left: 8, right: 8, top: 28, bottom: 4, containLabel: true };
  const legend = { top: 0, right: 0, textStyle: text, itemWidth: 14, itemHeight: 8 };

  const kinds = {
    bars: (data) => ({
      tooltip, grid: { ...grid, top: 12 },
      xAxis: axis(data.names), yAxis: values(),
      series: [{ type: "bar", name: data.series, data: data.values, barMaxWidth: 28, itemStyle: { color: accent, borderRadius: [3, 3, 0, 0] } }],
    }),
    pareto: (data, width) => ({
      tooltip, grid, legend,
      xAxis: axis(data.names, data.names.length > 4, width < data.names.length * 36),
      yAxis: [values(), values({ max: 100, splitLine: { show: false }, axisLabel: { ...text, formatter: "{value}%" } })],
      series: [
        { type: "bar", name: data.series, data: data.values, barMaxWidth: 32, itemStyle: { color: accent, borderRadius: [3, 3, 0, 0] } },
        { type: "line", name: data.sum_name, yAxisIndex: 1, data: data.sums, symbolSize: 5, lineStyle: { color: amber, width: 2 }, itemStyle: { color: amber },
          tooltip: { valueFormatter: (value) => `${value}%` } },
      ],
    }),
    line: (data) => ({
      tooltip: { ...tooltip, valueFormatter: (value) => (value === null || value === undefined ? "–" : `${value}${data.unit}`) },
      grid: { ...grid, top: 12, right: 14 },
      xAxis: axis(data.names.map((name) => name.slice(2))),
      yAxis: values({ axisLabel: { ...text, formatter: `{value}${data.unit}` }, ...(data.unit ? { min: 0, max: 100, interval: 50 } : {}) }),
      series: [{
        type: "line", name: data.series, data: data.values, symbolSize: 5, connectNulls: false, lineStyle: { color: accent, width: 2 }, itemStyle: { color: accent },
        markLine: data.target === null ? undefined : { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: amber, type: "dashed" }, data: [{ yAxis: data.target, name: data.target_name }] },
      }],
    }),
  };

  function draw(place) {
    const source = document.getElementById(place.dataset.chart);
    if (!source || !window.echarts) return;
    const data = JSON.parse(source.textContent);
    const chart = window.echarts.init(place, null, { renderer: "canvas" });
    chart.setOption({ animation: !reduced, animationDuration: 250, ...kinds[data.kind](data, place.clientWidth) });
    new ResizeObserver(() => chart.resize()).observe(place);
  }

  // Drawn when they come near: a page with ten charts opens as fast as one with two.
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  const watch = (part) => part.querySelectorAll("[data-chart]").forEach((place) => near.observe(place));
  watch(document);
  document.addEventListener("htmx:oobAfterSwap", (event) => watch(event.detail.target.isConnected ? event.detail.target : document));
  document.querySelectorAll("[data-print]").forEach((button) => button.addEventListener("click", () => print()));
})();
