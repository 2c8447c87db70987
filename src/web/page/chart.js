/* Small charts of a share over epochs, by hand. */
import { el, svg } from "./dom.js";
import { epochName, percent } from "./format.js";

const WIDTH = 240, HEIGHT = 36, PAD = 3;
const MOST_POINTS = 480;

/* Every epoch where there is room, else the extremes of each group, so that no
 * jump is smoothed away. */
function thin(points) {
    if (points.length <= MOST_POINTS)
        return points;
    const out = [], size = points.length / (MOST_POINTS / 2);
    for (let from = 0; from < points.length; from += size) {
        const group = points.slice(Math.floor(from), Math.floor(from + size));
        const lowest = group.reduce((p, q) => (q[1] < p[1] ? q : p));
        const highest = group.reduce((p, q) => (q[1] > p[1] ? q : p));
        out.push(...(lowest[0] < highest[0] ? [lowest, highest] : [highest, lowest]));
    }
    return out;
}

const place = (index, n) => (n > 1 ? PAD + (WIDTH - 2 * PAD) * index / (n - 1) : WIDTH / 2);
const height = (share, top) => HEIGHT - PAD - (HEIGHT - 2 * PAD) * share / top;

function move(line, x1, y1, x2, y2) {
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 }))
        line.setAttribute(name, value.toFixed(1));
}

/* The explained variance of one component; a click goes to that epoch. */
export class Chart {
    constructor(onPick) {
        this.line = svg("polyline", { class: "chart-line" });
        this.marker = svg("line", { class: "chart-now" });
        this.dot = svg("line", { class: "chart-dot" }); /* no length, but round ends */
        this.node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
            class: "chart", role: "img", onclick: (event) => this.#pick(event, onPick) },
            this.marker, this.line, this.dot);
    }

    #pick(event, onPick) {
        const box = this.node.getBoundingClientRect(), n = this.series?.length ?? 0;
        if (n > 0) {
            const x = (event.clientX - box.left) / box.width * WIDTH;
            const index = Math.round((x - PAD) / (WIDTH - 2 * PAD) * (n - 1));
            onPick(Math.min(Math.max(index, 0), n - 1));
        }
    }

    #setSeries(series, component) {
        const points = series.map((row, i) => [i, row.explained?.[component]])
            .filter(([, share]) => typeof share === "number");
        this.top = points.reduce((most, [, share]) => Math.max(most, share), 0.05) * 1.05;
        this.line.setAttribute("points", thin(points).map(([i, share]) =>
            `${place(i, series.length).toFixed(1)},${height(share, this.top).toFixed(1)}`).join(" "));
        Object.assign(this, { series, component });
    }

    update(series, component, index) {
        if (this.series !== series || this.component !== component)
            this.#setSeries(series, component);
        const x = place(index, series.length), share = series[index]?.explained?.[component];
        const y = typeof share === "number" ? height(share, this.top) : -99;
        move(this.marker, x, 0, x, HEIGHT);
        move(this.dot, x, y, x, y);
        const at = series[index] ? `; epoch ${epochName(series[index])}: ${percent(share)}` : "";
        this.node.setAttribute("aria-label",
            `Explained variance of component ${component + 1} over ${series.length} epochs${at}`);
    }
}
